import numpy as np
import pytest

from tracking.detection.profile import AxisProfile, peak_share, product

COORDINATES = np.arange(-4, 5)[None]


def profile(position, sigma):
    return AxisProfile.of(COORDINATES, np.array([position]), sigma)


def test_shares_are_integrals_over_pixels():
    fine = np.linspace(-4.5, 4.5, 90_001)
    density = np.exp(-0.5 * ((fine - 0.3) / 0.85) ** 2) / (0.85 * np.sqrt(2 * np.pi))
    expected = density[:-1].reshape(9, -1).sum(axis=1) * 1e-4
    assert profile(0.3, 0.85).share[0] == pytest.approx(expected, abs=1e-4)
    assert profile(0.3, 0.5).share.sum() == pytest.approx(1)


def test_derivatives_are_those_of_the_share():
    step = 1e-6
    by_position = (profile(0.3 + step, 0.85).share - profile(0.3 - step, 0.85).share) / (2 * step)
    by_sigma = (profile(0.3, 0.85 + step).share - profile(0.3, 0.85 - step).share) / (2 * step)
    np.testing.assert_allclose(profile(0.3, 0.85).by_position, by_position, atol=1e-8)
    np.testing.assert_allclose(profile(0.3, 0.85).by_sigma, by_sigma, atol=1e-8)


def test_products_run_in_the_order_of_the_axes():
    a, b, c = np.array([[1.0, 2.0]]), np.array([[3.0, 5.0, 7.0]]), np.array([[1.0, 10.0]])
    assert product([a, b]).tolist() == [[3, 5, 7, 6, 10, 14]]
    assert product([a, b, c])[0].tolist() == np.einsum("i,j,k", a[0], b[0], c[0]).ravel().tolist()


def test_peak_share():
    assert peak_share((0.85, 0.85)) == pytest.approx(profile(0.0, 0.85).share[0, 4] ** 2)
