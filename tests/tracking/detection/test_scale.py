import numpy as np
import pytest

from tracking.detection.pixels import Intensities
from tracking.detection.scale import estimate_sigma


def measured(frames, sigma=None, sigma_z=None):
    intensities = Intensities.of_movie(frames, dark=False)
    return estimate_sigma([intensities.apply(frame) for frame in frames], sigma, sigma_z, intensities.step)


@pytest.mark.parametrize(("sigma", "snr"), [(0.85, 4), (1.1, 7), (2.0, 7), (3.0, 4)])
def test_the_size_of_spots_is_measured(simulate, sigma, snr):
    frames = [simulate(seed, n=40, snr=snr, sigma=sigma)[1] for seed in range(2)]
    assert measured(frames) == pytest.approx((sigma, sigma), rel=0.1)


def test_size_along_z(simulate):
    frames = [simulate(1, n=40, snr=5, sigma=(1.5, 1.0, 1.0), shape=(12, 72, 72))[1]]
    assert measured(frames) == pytest.approx((1.5, 1.0, 1.0), rel=0.1)
    assert measured(frames, sigma=1.0)[1:] == (1.0, 1.0)
    assert measured(frames, sigma_z=1.4)[0] == 1.4


def test_noise_has_no_size():
    random = np.random.default_rng(0)
    assert measured([random.poisson(10, (256, 256)).astype(np.uint8) for _ in range(2)]) is None
    assert measured([np.full((64, 64), 3.0)]) is None


def test_hot_pixels_are_no_spots(simulate):
    _, frame = simulate(0, n=40, snr=6, sigma=1.2)
    frame[::32, ::32] = 4000
    assert measured([frame]) == pytest.approx((1.2, 1.2), rel=0.1)
