import numpy as np
import pytest

from tracking.motion.covariance import msd_covariance


def test_one_step_has_the_variance_of_a_square():
    # MSD of one displacement over 2 axes: sum of two squared Gaussians of variance s, each of variance 2 s^2.
    assert msd_covariance([1], 2, 2, 3.0, 0.0) == pytest.approx(np.array([[2 * 2 * 3.0**2]]))


def test_without_error_it_is_qians_formula():
    n, lags = 40, np.arange(1, 11)  # n positions; the formula is for n - lag >= lag
    variance = np.diag(msd_covariance(lags, n, 2, 1.0, 0.0))
    relative = (4 * lags**2 * (n - lags) + 2 * (n - lags) + lags - lags**3) / (6 * lags * (n - lags) ** 2)
    assert variance == pytest.approx((2.0 * lags) ** 2 * relative)


def test_it_is_what_simulation_gives():
    rng = np.random.default_rng(0)
    n, lags, error = 12, [1, 2, 4], 0.7
    paths = np.cumsum(rng.standard_normal((40_000, n, 2)), axis=1) + error * rng.standard_normal((40_000, n, 2))
    msd = [((paths[:, lag:] - paths[:, :-lag]) ** 2).sum(axis=2).mean(axis=1) for lag in lags]
    np.testing.assert_allclose(np.cov(msd), msd_covariance(lags, n, 2, 1.0, error**2), rtol=0.04)
