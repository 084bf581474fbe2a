import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medseg.metrics import IOU_THRESHOLDS, score_instances

label_images = arrays(np.uint8, (6, 6), elements=st.integers(0, 5))


def test_two_nuclei_one_missed_and_one_spurious(number):
    prediction = number("""
        1111..22
        1111..22
        ........
        ..33....
    """)
    reference = number("""
        1111..2.
        111...2.
        ........
        ......44
    """)
    score = score_instances(prediction, reference)
    assert (score.n_predicted, score.n_reference) == (3, 3)
    # IoU 7/8 and 2/4
    assert score.true_positives == {name: 2 if name == "0.50" else int(name != "0.90") for name in IOU_THRESHOLDS}
    assert score.ap50 == 2 / 4
    assert (score.ap["0.75"], score.ap["0.90"]) == (1 / 5, 0)
    assert (score.sq, score.rq) == pytest.approx((7 / 8, 1 / 3))


def test_the_thresholds_are_those_of_stardist():
    assert list(IOU_THRESHOLDS) == ["0.50", "0.55", "0.60", "0.65", "0.70", "0.75", "0.80", "0.85", "0.90"]
    assert all(float(name) == threshold for name, threshold in IOU_THRESHOLDS.items())


@settings(deadline=None)
@given(label_images, label_images)
def test_ap_falls_as_the_threshold_rises_and_is_symmetric(prediction, reference):
    score, swapped = score_instances(prediction, reference), score_instances(reference, prediction)
    assert score.ap == swapped.ap
    assert score.pq == pytest.approx(swapped.pq)
    if score.ap50 is not None:
        values = list(score.ap.values())
        assert values == sorted(values, reverse=True)
        assert all(0 <= value <= 1 for value in (*values, score.pq, score.rq))


@settings(deadline=None)
@given(label_images.filter(lambda labels: labels.any()), st.permutations(range(1, 6)))
def test_a_perfect_prediction_scores_one_whatever_its_numbers(reference, numbers):
    score = score_instances(np.array([0, *numbers])[reference], reference)
    assert set(score.ap.values()) == {1.0}
    assert (score.pq, score.sq, score.rq) == (1, 1, 1)


def test_an_image_without_objects_has_no_score_and_one_with_false_ones_has_zero(number):
    empty, one = number("...."), number("11..")
    nothing, spurious = score_instances(empty, empty), score_instances(one, empty)
    assert set(nothing.ap.values()) == {None}
    assert (nothing.ap50, nothing.pq, nothing.sq, nothing.rq) == (None, None, None, None)
    assert (spurious.ap50, spurious.pq, spurious.sq, spurious.rq) == (0, 0, None, 0)
    assert score_instances(empty, one).ap50 == 0


def test_objects_of_a_volume():
    reference = np.zeros((4, 4, 4), np.uint16)
    reference[:2, :2, :2], reference[3] = 700, 9
    prediction = reference.copy()
    prediction[3, 0] = 0
    assert score_instances(prediction, reference).pq == pytest.approx((1 + 12 / 16) / 2)
