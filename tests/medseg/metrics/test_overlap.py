import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from medseg.metrics import dice, volume_error, volume_ml

shapes = array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6)
pairs = shapes.flatmap(lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape)))


def test_dice_of_a_square_shifted_by_one_column(draw):
    prediction = draw("""
        ##..
        ##..
    """)
    reference = draw("""
        .##.
        .##.
    """)
    assert dice(prediction, reference) == 2 * 2 / (4 + 4)


def test_dice_is_undefined_for_two_empty_masks_and_zero_for_one(draw):
    empty, full = draw("..  .."), draw("##  ##")
    assert dice(empty, empty) is None
    assert dice(full, empty) == 0.0
    assert dice(empty, full) == 0.0


@settings(deadline=None)
@given(pairs)
def test_dice_is_symmetric_within_its_range_and_one_for_itself(pair):
    prediction, reference = pair
    value = dice(prediction, reference)
    assert value == dice(reference, prediction)
    assert value is None or 0 <= value <= 1
    assert dice(reference, reference) == (1.0 if reference.any() else None)


@settings(deadline=None)
@given(pairs.filter(lambda pair: pair[0].any() or pair[1].any()))
def test_dice_agrees_with_f1_score_of_scikit_learn(pair):
    from sklearn.metrics import f1_score

    prediction, reference = pair
    expected = f1_score(reference.ravel(), prediction.ravel(), zero_division=0)
    assert dice(prediction, reference) == pytest.approx(expected)


def test_volume_counts_voxels_times_their_size():
    mask = np.zeros((4, 4, 4), bool)
    mask[1:3, 1:3, 1:3] = True
    assert volume_ml(mask, (5.0, 1.0, 0.5)) == pytest.approx(8 * 2.5 / 1000)


def test_volume_error_has_no_sign_and_no_relative_value_for_an_empty_reference():
    small, large, empty = np.zeros((3, 10, 10, 10), bool)
    small[:5], large[:] = True, True
    assert volume_error(small, large, (1, 1, 1)).ml == pytest.approx(0.5)
    assert volume_error(small, large, (1, 1, 1)).relative == pytest.approx(0.5)
    assert volume_error(large, small, (1, 1, 1)).ml == pytest.approx(0.5)
    assert volume_error(large, small, (1, 1, 1)).relative == pytest.approx(1.0)
    assert volume_error(large, empty, (1, 1, 1)).relative is None


def test_a_2d_mask_has_no_volume(draw):
    with pytest.raises(ValueError, match=r"`mask` must be a boolean mask with 3 axes, got bool of shape \(1, 2\)"):
        volume_ml(draw("##"), (1, 1, 1))


def test_a_label_map_is_refused_rather_than_cast():
    labels = np.array([[0, 1, 2]], np.uint8)
    with pytest.raises(ValueError, match="`prediction` must be a boolean mask, got uint8"):
        dice(labels, labels)


def test_two_shapes_are_refused():
    with pytest.raises(ValueError, match=r"must have one shape, got \(2, 3\) and \(3, 2\)"):
        dice(np.ones((2, 3), bool), np.ones((3, 2), bool))


def test_one_axis_is_refused():
    with pytest.raises(ValueError, match=r"`prediction` must have 2 or 3 axes, got shape \(3,\)"):
        dice(np.ones(3, bool), np.ones(3, bool))
