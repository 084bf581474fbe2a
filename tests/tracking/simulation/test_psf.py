import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import dblquad
from scipy.stats import multivariate_normal

from tracking.simulation.psf import elongated_spots, patch_radius, pixel_shares, round_spots

offsets = st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))


def moments(patch):
    """Sum, mean (y, x) and covariance (y, x) of a patch about its central pixel."""
    radius = patch.shape[0] // 2
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    coordinates = np.stack((y.ravel(), x.ravel()))
    return patch.sum(), coordinates @ patch.ravel(), np.cov(coordinates, aweights=patch.ravel(), ddof=0)


@settings(max_examples=50, deadline=None)
@given(offsets, st.floats(0.4, 4))
def test_a_round_spot_has_its_centre_and_its_width_plus_that_of_a_pixel(offset, sigma):
    total, mean, covariance = moments(round_spots(np.array([offset]), sigma)[0])
    assert total == pytest.approx(1, abs=2e-6)
    # A pixel is a box of variance 1/12. Summing over pixels instead of integrating is off by a multiple of
    # exp(-2 pi^2 sigma^2), the first alias of the spot: 0.04 at a sigma of 0.4 and nothing at 0.85.
    tolerance = 1e-4 + 3 * np.exp(-2 * np.pi**2 * sigma**2)
    assert mean == pytest.approx(offset, abs=tolerance)
    assert covariance == pytest.approx(np.eye(2) * (sigma**2 + 1 / 12), abs=tolerance + 1e-4 * sigma**2)


@settings(max_examples=50, deadline=None)
@given(offsets, st.floats(0, np.pi), st.floats(0.7, 1.5), st.floats(1, 3))
def test_an_elongated_spot_points_along_its_direction(offset, angle, sigma, elongation):
    along = np.array([np.sin(angle), np.cos(angle)])
    across = np.array([np.cos(angle), -np.sin(angle)])
    patch = elongated_spots(np.array([offset]), along[None], sigma, elongation)[0]
    total, mean, covariance = moments(patch)
    assert total == pytest.approx(1, abs=5e-6)
    assert mean == pytest.approx(offset, abs=5e-4)
    assert along @ covariance @ along == pytest.approx((elongation * sigma) ** 2 + 1 / 12, rel=2e-3)
    assert across @ covariance @ across == pytest.approx(sigma**2 + 1 / 12, rel=2e-3)
    assert along @ covariance @ across == pytest.approx(0, abs=2e-3)


def test_an_elongated_spot_equals_the_integral_of_its_density_over_pixels():
    angle, sigma, elongation = 0.4, 1.1, 2.0
    direction = np.array([[np.sin(angle), np.cos(angle)]])
    offset = np.array([[0.3, -0.2]])
    patch = elongated_spots(offset, direction, sigma, elongation)[0]
    covariance = sigma**2 * (np.eye(2) + (elongation**2 - 1) * direction.T @ direction)
    density = multivariate_normal(offset[0], covariance).pdf
    radius = patch.shape[0] // 2
    for y, x in [(0, 0), (1, 2), (-3, -4), (2, -1)]:
        exact, _ = dblquad(lambda v, u: density([u, v]), y - 0.5, y + 0.5, x - 0.5, x + 0.5)
        assert patch[radius + y, radius + x] == pytest.approx(exact, rel=1e-6)


def test_without_elongation_both_ways_of_drawing_agree():
    rng = np.random.default_rng(0)
    offset, direction = rng.uniform(-0.5, 0.5, (20, 2)), rng.standard_normal((20, 2))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    assert elongated_spots(offset, direction, 0.85, 1.0) == pytest.approx(round_spots(offset, 0.85), abs=1e-7)


def test_shares_of_a_line():
    # Standard normal, pixels of width 1: the middle one holds what lies within half a standard deviation.
    shares = pixel_shares(np.zeros(1), 1.0, 1)[0]
    assert shares == pytest.approx([0.2417, 0.3829, 0.2417], abs=1e-4)
    # Centred on an edge, both sides are alike.
    assert pixel_shares(np.array([0.5]), 1.0, 5)[0, 5:7] == pytest.approx([0.3413, 0.3413], abs=1e-4)


def test_patches_reach_far_enough():
    assert patch_radius(0.85) == 5
    assert pixel_shares(np.array([0.5]), 0.85, patch_radius(0.85)).sum() == pytest.approx(1, abs=1e-6)
