import numpy as np
import pytest

from tracking.detection import DetectionOptions, prepare_detector
from tracking.detection.trackpy_locate import TrackpyLocate


def test_mass_is_high_enough_for_the_false_alarms_asked_for():
    random = np.random.default_rng(5)
    locate = TrackpyLocate.for_noise((1.2, 1.2), (192, 192), 3.0, 0.0, 2.0)
    counts = [len(locate.locate(random.normal(0, 3, (192, 192)).astype(np.float32), None)) for _ in range(6)]
    assert 1 <= np.mean(counts) <= 4


def test_sizes_follow_from_the_spot():
    locate = TrackpyLocate.for_noise((1.0, 0.85, 2.0), (8, 8, 8), 0.0, 0.0, 1.0)
    assert locate.diameter == (5, 5, 9)
    assert locate.separation == pytest.approx((3, 2.55, 6))


def test_positions_are_those_of_trackpy(simulate, jaccard):
    truth, frame = simulate(0, n=40, snr=7, sigma=1.2)
    detector = prepare_detector([frame], DetectionOptions(method="trackpy", sigma=1.2, fit=False))
    spots = detector.detect(frame)
    inside = ((truth > 4) & (truth < 251)).all(axis=1)
    assert jaccard(truth[inside], spots[["y", "x"]].to_numpy(), 2) > 0.8
    assert spots["x_std"].isna().all()
    assert detector.settings["diameter"] == 7
