import nibabel
import numpy as np
import pytest

from medseg.errors import UserError
from medseg.metrics import score_case

CLASSES = {1: "anterior", 2: "posterior"}


def labels(drawing):
    return np.array([[int(character) for character in line] for line in drawing.replace(".", "0").split()], np.uint8)


def test_every_class_is_scored_on_its_own():
    prediction = labels("""
        11..
        11..
        ..22
    """)
    reference = labels("""
        11..
        11..
        .22.
    """)
    scores = score_case(prediction, reference, (1, 1), CLASSES, tolerance_mm=0.5)
    assert list(scores) == ["anterior", "posterior"]
    assert (scores["anterior"].dice, scores["anterior"].hd95, scores["anterior"].nsd) == (1, 0, 1)
    assert scores["posterior"].dice == 0.5
    assert scores["posterior"].jaccard == pytest.approx(1 / 3)
    assert scores["posterior"].nsd == 0.5
    assert scores["posterior"].volume_ml is None, "a 2D image has no volume"


def test_missed_spurious_and_absent_are_told_apart():
    nothing, one = np.zeros((2, 2, 2), np.uint8), np.ones((2, 2, 2), np.uint8)
    missed = score_case(nothing, one, (1, 1, 1), CLASSES)["anterior"]
    assert (missed.dice, missed.nsd, missed.hd95) == (0, 0, None)
    assert (missed.missed, missed.spurious) == (True, False)
    assert (missed.volume_ml, missed.reference_volume_ml, missed.volume_error_ml) == (0, 0.008, 0.008)

    spurious = score_case(one, nothing, (1, 1, 1), CLASSES)["anterior"]
    assert (spurious.dice, spurious.nsd, spurious.hd95) == (0, 0, None)
    assert (spurious.missed, spurious.spurious) == (False, True)

    absent = score_case(one, one, (1, 1, 1), CLASSES)["posterior"]
    assert (absent.dice, absent.nsd, absent.hd95, absent.jaccard) == (None, None, None, None)
    assert (absent.missed, absent.spurious, absent.volume_error_ml) == (False, False, 0)


def test_jaccard_from_dice_is_intersection_over_union(blob):
    prediction, reference = blob(1), blob(2)
    score = score_case(prediction.astype(int), reference.astype(int), (1, 1, 1), {1: "blob"})["blob"]
    assert score.jaccard == pytest.approx((prediction & reference).sum() / (prediction | reference).sum())


def test_label_values_without_a_class_are_named():
    known = labels(".12")
    with pytest.raises(UserError) as raised:
        score_case(known, labels("173"), (1, 1), CLASSES)
    assert str(raised.value) == (
        "the reference holds the label values 3, 7; the known classes are 0 (background), 1 (anterior), 2 (posterior)"
    )
    with pytest.raises(UserError, match=r"the prediction holds the label values 0\.5;"):
        score_case(known * 0.5, known, (1, 1), CLASSES)


def test_two_classes_of_one_name_are_refused():
    with pytest.raises(UserError, match="each by a name of its own"):
        score_case(labels("12"), labels("12"), (1, 1), {1: "kidney", 2: "kidney"})


def test_float_label_maps_are_scored_like_integers():
    known = labels("12. 122")
    assert score_case(known.astype(float), known, (1, 1), CLASSES) == score_case(known, known, (1, 1), CLASSES)


def test_a_real_label_against_itself_and_against_a_shifted_copy(hippocampus_data):
    image = nibabel.load(sorted((hippocampus_data / "labelsTr").glob("*.nii.gz"))[0])
    reference = np.asarray(image.dataobj)
    spacing = [float(side) for side in image.header.get_zooms()]
    for score in score_case(reference, reference, spacing, CLASSES).values():
        assert (score.dice, score.hd95, score.nsd, score.volume_error_ml) == (1, 0, 1, 0)
        assert 0.5 < score.reference_volume_ml < 4, "millilitres of half a hippocampus"

    for score in score_case(np.roll(reference, 2, axis=1), reference, spacing, CLASSES).values():
        assert 0.5 < score.dice < 1
        assert 0 < score.hd95 <= 2 * spacing[1]
        assert score.nsd < 1
        assert score.volume_error_ml == 0
