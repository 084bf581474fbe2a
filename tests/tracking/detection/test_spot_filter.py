import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_laplace

from tracking.detection.spot_filter import SpotFilter

kinds = pytest.mark.parametrize("kind", ["log", "dog"])


def random_frame(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(40, 50), (12, 30, 30)])
def test_log_is_the_scaled_laplacian_of_gaussian(shape):
    # The second derivatives are differences of neighbouring pixels, which agrees for wide filters.
    frame = random_frame(*shape)
    expected = -9 * gaussian_laplace(frame, 3.0)
    response = SpotFilter("log", (3.0,) * len(shape)).apply(frame)
    assert np.abs(response - expected).max() < 0.1 * np.abs(expected).max()


@kinds
def test_a_spot_gives_a_peak_of_its_mass_where_it_is(kind, render):
    spot_filter, sigma = SpotFilter(kind, (1.1, 1.1)), (0.85, 0.85)
    response = spot_filter.apply(render([(20, 25)], 30.0, 0.85, (41, 51)).astype(np.float32))
    assert np.unravel_index(response.argmax(), response.shape) == (20, 25)
    mass = render([(20, 25)], 30.0, 0.85, (41, 51), background=0).sum()
    assert response.max() == pytest.approx(mass * spot_filter.peak_response(sigma), rel=1e-4)


@kinds
@pytest.mark.parametrize("shape", [(30, 31), (5, 20, 20), (2, 3), (1, 1)])
def test_a_constant_frame_has_no_response(kind, shape):
    response = SpotFilter(kind, (1.2,) * len(shape)).apply(np.full(shape, 7, np.float32))
    assert response.shape == shape
    assert np.abs(response).max() < 1e-4


@kinds
def test_a_slope_has_no_response_inside(kind):
    slope = np.add.outer(np.arange(40.0), 2 * np.arange(40.0)).astype(np.float32)
    assert np.abs(SpotFilter(kind, (1.2, 1.2)).apply(slope)[12:-12, 12:-12]).max() < 1e-3


@kinds
@pytest.mark.parametrize("shape", [(25, 60), (6, 20, 20)])
def test_noise_gain_at_borders(kind, shape):
    spot_filter = SpotFilter(kind, (1.2,) * len(shape))
    random = np.random.default_rng(3)
    responses = [spot_filter.apply(random.normal(size=shape).astype(np.float32)) for _ in range(400)]
    measured = np.std(responses, axis=0) / np.sqrt(spot_filter.power_sum(2))
    expected = spot_filter.border_gain(shape)
    assert expected[tuple(n // 2 for n in shape)] == pytest.approx(1, abs=0.02) or shape[0] == 6
    assert expected.max() > 1.1
    np.testing.assert_allclose(measured, expected, rtol=0.2)
    assert (measured / expected).mean() == pytest.approx(1, abs=0.01)


def test_correlations_of_neighbours():
    spot_filter = SpotFilter("log", (1.1, 1.1))
    response = spot_filter.apply(random_frame(500, 500))
    for axis, correlations in enumerate(spot_filter.correlations):
        for lag, expected in zip((1, 2), correlations, strict=True):
            lines = np.moveaxis(response, axis, 0)
            measured = (lines[lag:] * lines[:-lag]).mean() / (response**2).mean()
            assert measured == pytest.approx(expected, abs=0.02)


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(["log", "dog"]), st.floats(0.5, 4), st.floats(-5, 5), st.integers(0, 1))
def test_it_is_linear_and_treats_both_axes_alike(kind, scale, factor, flip):
    spot_filter = SpotFilter(kind, (scale, scale))
    frame = random_frame(20, 24)
    response = spot_filter.apply(frame)
    np.testing.assert_allclose(spot_filter.apply(np.float32(factor) * frame), np.float32(factor) * response, atol=2e-4)
    np.testing.assert_allclose(spot_filter.apply(frame.T.copy()).T, response, atol=1e-4)
    np.testing.assert_allclose(np.flip(spot_filter.apply(np.flip(frame, flip)), flip), response, atol=1e-4)
