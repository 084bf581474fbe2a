import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.spatial.distance import cdist

from medseg.metrics import hausdorff, surface_dice, surface_distances

sides = st.sampled_from([0.5, 0.7, 1.0, 2.5])
shapes = array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6)
pairs = shapes.flatmap(
    lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape), st.tuples(*[sides] * len(shape)))
)
filled_pairs = pairs.filter(lambda pair: pair[0].any() and pair[1].any())


def brute_force(prediction, reference, spacing):
    """Surface by looking at every neighbour, distances by all pairs."""

    def surface(mask):
        padded = np.pad(mask, 1)
        offsets = [sign * row for row in np.eye(mask.ndim, dtype=int) for sign in (-1, 1)]
        return np.array(
            [voxel for voxel in np.argwhere(mask) if not all(padded[tuple(voxel + 1 + offset)] for offset in offsets)]
        )

    distances = cdist(surface(prediction) * np.array(spacing), surface(reference) * np.array(spacing))
    return distances.min(axis=1), distances.min(axis=0)


def test_a_ring_against_its_filled_square(draw):
    filled = draw("""
        .....
        .###.
        .###.
        .###.
        .....
    """)
    centre = draw("""
        .....
        .....
        ..#..
        .....
        .....
    """)
    # The surface of the square is its 8 outer pixels: 4 at distance 1 from the centre and 4 at the square root of 2.
    distances = surface_distances(filled, centre, (1, 1))
    corner = np.sqrt(2)
    assert distances.prediction_to_reference == pytest.approx([corner, 1, corner, 1, 1, corner, 1, corner])
    assert distances.reference_to_prediction == pytest.approx([1])
    assert hausdorff(distances, percentile=100) == pytest.approx(corner)
    assert surface_dice(distances, tolerance_mm=1) == pytest.approx((4 + 1) / 9)


def test_spacing_belongs_to_the_axis_of_the_array(draw):
    left, right, below = draw("#.. ..."), draw("..# ..."), draw("... #..")
    assert hausdorff(surface_distances(left, right, (5, 0.5))) == pytest.approx(1.0)
    assert hausdorff(surface_distances(left, below, (5, 0.5))) == pytest.approx(5.0)


def test_hd95_is_the_larger_of_the_two_directed_percentiles():
    prediction, reference = np.zeros((2, 1, 41), bool)
    prediction[0, :20] = True
    reference[0, :20], reference[0, 30] = True, True
    distances = surface_distances(prediction, reference, (1, 1))
    assert distances.prediction_to_reference.tolist() == [0] * 20
    assert distances.reference_to_prediction.tolist() == [0] * 20 + [11]
    # 21 values, linear interpolation: position 0.95 * 20 = 19, the last zero.
    assert hausdorff(distances, 95) == 0
    assert hausdorff(distances, 97.5) == pytest.approx(5.5)
    assert hausdorff(distances, 100) == 11


def test_a_structure_cut_off_by_the_border_has_a_surface_along_the_cut():
    full = np.ones((3, 3, 3), bool)
    assert surface_distances(full, full, (1, 1, 1)).prediction_to_reference.size == 26


def test_a_single_voxel():
    voxel, neighbour = np.zeros((2, 3, 3, 3), bool)
    voxel[1, 1, 1], neighbour[2, 1, 1] = True, True
    distances = surface_distances(voxel, neighbour, (3, 1, 1))
    assert hausdorff(distances) == 3
    assert surface_dice(distances, tolerance_mm=2.9) == 0
    assert surface_dice(distances, tolerance_mm=3) == 1


def test_a_distance_of_the_tolerance_counts_despite_the_header_being_single_precision():
    prediction, reference = np.zeros((2, 1, 5), bool)
    prediction[0, 0], reference[0, 3] = True, True
    spacing = np.array([1, 0.1], np.float32)  # three times this is 0.3000000045
    assert surface_dice(surface_distances(prediction, reference, spacing), tolerance_mm=0.3) == 1


def test_an_empty_mask_leaves_distances_undefined(draw):
    empty, full = draw(".. .."), draw("## ##")
    for missing in (surface_distances(empty, full, (1, 1)), surface_distances(full, empty, (1, 1))):
        assert not missing.is_defined
        assert hausdorff(missing) is None
        assert surface_dice(missing, tolerance_mm=1e6) == 0
    nothing = surface_distances(empty, empty, (1, 1))
    assert not nothing.is_defined
    assert hausdorff(nothing) is None
    assert surface_dice(nothing, tolerance_mm=1) is None


@settings(deadline=None, max_examples=200)
@given(filled_pairs)
def test_distances_agree_with_all_pairs(pair):
    distances = surface_distances(*pair)
    to_reference, to_prediction = brute_force(*pair)
    np.testing.assert_allclose(distances.prediction_to_reference, to_reference, atol=1e-9)
    np.testing.assert_allclose(distances.reference_to_prediction, to_prediction, atol=1e-9)


@settings(deadline=None)
@given(filled_pairs, st.floats(0, 10), st.floats(0, 10))
def test_measures_keep_to_their_order(pair, low, high):
    distances = surface_distances(*pair)
    low, high = sorted((low, high))
    assert hausdorff(distances, 95) <= hausdorff(distances, 100)
    assert 0 <= surface_dice(distances, low) <= surface_dice(distances, high) <= 1


@settings(deadline=None)
@given(filled_pairs)
def test_swapping_the_masks_swaps_the_directions(pair):
    prediction, reference, spacing = pair
    forth, back = surface_distances(prediction, reference, spacing), surface_distances(reference, prediction, spacing)
    np.testing.assert_array_equal(forth.prediction_to_reference, back.reference_to_prediction)
    assert hausdorff(forth) == hausdorff(back)
    assert surface_dice(forth, 1.0) == surface_dice(back, 1.0)
    itself = surface_distances(reference, reference, spacing)
    assert hausdorff(itself) == 0
    assert surface_dice(itself, 0.0) == 1


@settings(deadline=None)
@given(filled_pairs, st.integers(0, 3), st.integers(0, 3), st.sampled_from([0.25, 3.0]))
def test_moving_both_changes_nothing_and_scaling_the_spacing_scales_distances(pair, before, after, scale):
    prediction, reference, spacing = pair
    distances = surface_distances(prediction, reference, spacing)
    moved = surface_distances(np.pad(prediction, (before, after)), np.pad(reference, (before, after)), spacing)
    np.testing.assert_array_equal(moved.prediction_to_reference, distances.prediction_to_reference)
    scaled = surface_distances(prediction, reference, [scale * side for side in spacing])
    np.testing.assert_allclose(scaled.reference_to_prediction, scale * distances.reference_to_prediction)


@pytest.mark.parametrize("spacing", [(1,), (1, 0), (1, -1), (1, float("nan")), (1, 1, 1)])
def test_spacing_needs_one_positive_value_per_axis(draw, spacing):
    with pytest.raises(ValueError, match="`spacing` must have 2 positive values, got"):
        surface_distances(draw("#."), draw(".#"), spacing)


@pytest.mark.parametrize("percentile", [0, -1, 101, float("nan")])
def test_percentile_out_of_range(draw, percentile):
    with pytest.raises(ValueError, match="`percentile` must be above 0 and at most 100"):
        hausdorff(surface_distances(draw("#."), draw(".#"), (1, 1)), percentile)


@pytest.mark.parametrize("tolerance", [-0.1, float("inf"), float("nan")])
def test_tolerance_out_of_range(draw, tolerance):
    with pytest.raises(ValueError, match="`tolerance_mm` must be finite and at least 0"):
        surface_dice(surface_distances(draw("#."), draw(".#"), (1, 1)), tolerance)
