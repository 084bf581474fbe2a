import numpy as np
import pytest

from tracking.detection import DetectionOptions, prepare_detector
from tracking.simulation import simulate


def chosen(frames):
    return prepare_detector(frames, DetectionOptions(fit=False)).settings["false_alarms"]


def movie(snr, density=60):
    return list(
        simulate("receptor", density=density, snr=snr, seed=5, overrides={"n_frames": 3, "frame_shape": (160, 160)})
    )


def test_noise_alone_gets_one():
    random = np.random.default_rng(0)
    assert chosen([random.poisson(10, (256, 256)).astype(np.uint8) for _ in range(3)]) == 1


def test_bright_spots_need_no_more():
    assert chosen(movie(snr=7)) == 1


def test_faint_spots_are_worth_some():
    assert chosen(movie(snr=2, density=200)) >= 4


def test_but_never_more_than_the_spots_that_are_sure():
    frames = movie(snr=2, density=15)
    sure = prepare_detector(frames, DetectionOptions(fit=False, false_alarms=1))
    found = np.mean([len(sure.detect(frame)) for frame in frames])
    assert chosen(frames) <= max(found, 1)


@pytest.mark.parametrize("false_alarms", [0.1, 3.0])
def test_a_number_that_is_given_stands(false_alarms):
    frames = movie(snr=2)
    options = DetectionOptions(fit=False, false_alarms=false_alarms)
    assert prepare_detector(frames, options).settings["false_alarms"] == false_alarms
