import numpy as np
import pytest

from tracking.detection.pixels import Intensities, has_spread, is_in_hole

#  0 1 2 3 4 5
#  4 . 6 7 8 9     one pixel is missing, and a block of nine
#  0 1 2 . . .
#  4 5 6 . . .
#  0 1 2 . . .
PICTURE = np.array(
    [
        [0, 1, 2, 3, 4, 5],
        [4, np.nan, 6, 7, 8, 9],
        [0, 1, 2, np.nan, np.inf, np.nan],
        [4, 5, 6, np.nan, np.nan, np.nan],
        [0, 1, 2, np.nan, -np.inf, np.nan],
    ]
)


def test_a_single_missing_pixel_gets_the_mean_of_its_neighbours_and_a_hole_the_median_of_all():
    values, missing = Intensities(0.0, 1.0, 0.0).apply(PICTURE)

    assert missing is not None
    assert (missing == ~np.isfinite(PICTURE)).all()
    assert values[1, 1] == pytest.approx(np.mean([0, 1, 2, 4, 6, 0, 1, 2]))
    assert (values[2:, 3:] == np.median(PICTURE[np.isfinite(PICTURE)])).all()
    assert (values[~missing] == PICTURE[~missing]).all()


def test_only_the_block_is_a_hole():
    places = np.array([(0, 0), (1, 1), (2, 3), (3, 4), (4, 5)])

    assert is_in_hole(~np.isfinite(PICTURE), places).tolist() == [False, False, True, True, True]
    assert is_in_hole(~np.isfinite(PICTURE), places[:0]).tolist() == []


def test_spread_is_that_of_finite_pixels():
    assert has_spread(PICTURE)
    assert not has_spread(np.array([[np.nan, 1, 1]]))
    assert not has_spread(np.array([[np.nan, np.inf]]))
    assert not has_spread(np.full((2, 2), 7, np.uint8))
