import numpy as np
import pytest

from tracking.calibration.expected_measures import Expected


def test_the_interval_holds_one_more_movie_with_95_percent():
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(2500):
        *values, one_more = 0.7 + 0.02 * rng.standard_normal(7)
        expected = Expected.of(list(values))
        inside.append(abs(one_more - expected.mean) <= expected.half_width)
    # A share of 0.95 of 2500 has a standard error of 0.0044.
    assert np.mean(inside) == pytest.approx(0.95, abs=0.018)


def test_the_mean_is_that_of_the_movies_and_json_has_no_nan():
    assert Expected.of([0.5, 0.7]).mean == pytest.approx(0.6)
    alone = Expected.of([0.5])
    assert np.isnan(alone.half_width)
    assert alone.to_dict() == {"mean": 0.5, "half_width": None, "n": 1, "values": [0.5]}
