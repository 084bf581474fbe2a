import numpy as np
import pytest

from tracking.detection.calibration import calibrate
from tracking.detection.candidates import LEAST_CROWDING, finder_for
from tracking.detection.pixels import Intensities


def calibrated(frames, sigma=0.85, is_dark=False):
    intensities = Intensities.of_movie(frames, is_dark)
    finder = finder_for("log", (sigma, sigma), frames[0].shape, 1.0, intensities.step).on("cpu", is_dark)
    finder = calibrate(finder, [intensities.apply(frame) for frame in frames])
    return finder, finder.gain * abs(intensities.scale)


@pytest.mark.parametrize("gain", [1.0, 6.0])
def test_the_gain_of_a_camera_from_its_spots(simulate, gain):
    frames = [100 + gain * simulate(seed, n=150, snr=7)[1] for seed in range(2)]
    assert calibrated(frames)[1] == pytest.approx(gain, rel=0.25)


def test_the_gain_of_a_camera_from_the_noise_of_its_ground():
    random = np.random.default_rng(0)
    assert calibrated([random.poisson(10, (512, 512)) for _ in range(3)])[1] == pytest.approx(1, rel=0.25)
    assert calibrated([random.normal(10, 3, (512, 512)) for _ in range(3)])[1] < 0.1


def test_crowds_of_spots_raise_the_noise_estimate_by_what_is_undone(simulate):
    # The true noise of the ground is sqrt(10) whatever the number of spots.
    for n, sigma in ((5, 1.5), (120, 1.5)):
        frame = simulate(0, n=n, snr=7, sigma=sigma)[1]
        finder, _ = calibrated([frame], sigma)
        intensities = Intensities.of_movie([frame], dark=False)
        noise = finder.pixel_noise(*intensities.apply(frame)) * intensities.scale
        assert noise == pytest.approx(np.sqrt(10), rel=0.12)
    assert finder.crowding < 0.8


def test_the_crowding_stays_within_its_bounds():
    finder = finder_for("log", (1.0, 1.0), (32, 32), 1.0, 1.0)
    assert [finder.with_noise(crowding, 0.0).crowding for crowding in (0.0, 0.3, 7.0)] == [LEAST_CROWDING, 0.3, 1.0]


def test_the_blank_part_of_a_frame_tells_nothing_of_the_noise_of_the_rest(simulate):
    frame = simulate(0, n=150, snr=7)[1]
    frame[:, :170] = 0
    assert calibrated([frame])[0].crowding > 0.5


def test_dark_spots_have_no_gain(simulate):
    assert calibrated([250.0 - simulate(0, n=150, snr=7)[1]], is_dark=True)[1] == 0
