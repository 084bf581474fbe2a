import numpy as np
import pytest
from scipy.ndimage import maximum_filter

from tracking.detection.false_alarms import expected_maxima, skewed_threshold, threshold
from tracking.detection.spot_filter import SpotFilter


@pytest.mark.parametrize(
    ("kind", "scales", "shape"),
    [
        ("log", (1.1, 1.1), (700, 700)),
        ("log", (2.6, 2.6), (700, 700)),
        ("dog", (1.1, 1.1), (700, 700)),
        ("log", (1.0, 1.2, 1.2), (40, 150, 150)),
    ],
)
def test_maxima_of_filtered_noise_are_as_many_as_expected(kind, scales, shape):
    spot_filter = SpotFilter(kind, scales)
    noise = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    response = spot_filter.apply(noise) / np.sqrt(spot_filter.power_sum(2))
    inside = tuple(slice(8, -8) for _ in shape)
    is_maximum = (response == maximum_filter(response, 3))[inside]
    for height in (2.5, 3.0, 3.5):
        counted = (is_maximum & (response[inside] > height)).sum()
        assert counted == pytest.approx(expected_maxima(height, is_maximum.size, spot_filter), rel=0.2, abs=8)


def test_wide_filters_agree_with_the_formula_for_smooth_fields():
    # Adler 1981: a smooth field has |second spectral moment| u exp(-u^2/2) (2 pi)^(-3/2) maxima above a high u per unit
    # of area. For the Laplacian of a Gaussian of scale s that moment is 3 / (2 s^2).
    scale, height = 6.0, 4.5
    moment = 3 / (2 * scale**2)
    smooth = 1e6 * moment * height * np.exp(-(height**2) / 2) / (2 * np.pi) ** 1.5
    assert expected_maxima(height, 10**6, SpotFilter("log", (scale, scale))) == pytest.approx(smooth, rel=0.15)


def test_threshold_inverts_the_expectation():
    spot_filter = SpotFilter("log", (1.1, 1.1))
    heights = [threshold(n, 512 * 512, spot_filter) for n in (0.01, 1, 100)]
    assert heights == sorted(heights, reverse=True)
    assert [expected_maxima(height, 512 * 512, spot_filter) for height in heights] == pytest.approx(
        [0.01, 1, 100], rel=1e-3
    )
    assert threshold(1e9, 512 * 512, spot_filter) == 0


def test_skewed_noise_passes_a_higher_threshold_as_often():
    # A gamma variable with this shape has skewness 0.2 and excess kurtosis 0.06.
    shape = 100
    values = (np.random.default_rng(0).gamma(shape, size=2_000_000) - shape) / np.sqrt(shape)
    height = skewed_threshold(3.0, 0.2, 0.06)
    assert height > 3.2
    assert (values > height).mean() == pytest.approx(0.00135, rel=0.1)
    assert skewed_threshold(3.0, 0, 0) == 3.0
