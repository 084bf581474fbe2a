import numpy as np
import pandas as pd
import pytest

from tracking.calibration import CalibrationOptions, calibrate, save_calibration_figure
from tracking.detection import DetectionOptions, prepare_detector
from tracking.errors import TrackingError
from tracking.linking import LinkingOptions
from tracking.simulation import simulate

LINKING = LinkingOptions(method="recurrent")


def detected(n_frames=24, **overrides):
    shape = {"n_frames": n_frames, "frame_shape": (128, 128), **overrides}
    movie = simulate("receptor", density=30, snr=7, seed=3, overrides=shape)
    frames = list(movie)
    detector = prepare_detector(frames[::5], DetectionOptions(device="cpu"))
    tables = [detector.detect(one).assign(frame=number) for number, one in enumerate(frames)]
    return frames, detector, pd.concat(tables, ignore_index=True)


def test_too_short_a_movie_is_refused_in_a_sentence(shipped):
    _, detector, spots = detected(n_frames=5)
    with pytest.raises(TrackingError, match=r"calibration needs 150 spots in 6 frames .* there are .* in 5: give"):
        calibrate(spots, detector, shipped, LINKING, n_frames=5, dtype=np.dtype(np.uint8))


def test_a_movie_of_a_single_frame_or_without_spots_is_refused(shipped):
    _, detector, spots = detected(n_frames=6)
    for some in (spots[spots["frame"] == 3], spots.head(0)):
        with pytest.raises(TrackingError, match="calibration needs 150 spots"):
            calibrate(some, detector, shipped, LINKING, n_frames=6, dtype=np.dtype(np.uint8))


def test_particles_that_do_not_move_are_refused(shipped):
    still = {"kind": "brownian", "step": 0.0}
    _, detector, spots = detected(n_frames=12, motion=still, survival=1.0)
    with pytest.raises(TrackingError, match="nothing that moves"):
        calibrate(spots, detector, shipped, LINKING, n_frames=12, dtype=np.dtype(np.uint8))


@pytest.mark.parametrize("values", [{"minutes": -1}, {"n_movies": 2}, {"seed": -1}, {"epochs": 3}])
def test_options_out_of_range_are_refused(values):
    with pytest.raises(ValueError, match="validation error"):
        CalibrationOptions(**values)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_tiny_movie_from_its_spots_to_the_expected_measures(shipped, tmp_path):
    frames, detector, spots = detected(n_frames=12)
    said = []
    before = {name: value.clone() for name, value in shipped.state_dict().items()}

    def run():
        return calibrate(
            spots,
            detector,
            shipped,
            LINKING,
            n_frames=len(frames),
            dtype=frames[0].dtype,
            options=CalibrationOptions(minutes=0.05, rounds=2, n_movies=3, seed=4),
            progress=lambda what, done, of: said.append((what, done, of)),
        )

    one = run()
    # The network that was given is what it was, whatever was learned.
    assert all((before[name] == value).all() for name, value in shipped.state_dict().items())
    assert {what for what, _, _ in said} == {"estimating", "fine-tuning", "comparing", "measuring"}
    assert set(one.expected) == {"shipped", "tuned", "lap"}
    # One particle in 550 square pixels at SNR 7, as in the movie: no tracker does badly there.
    for tracker in one.expected.values():
        assert 0.6 < tracker["alpha"].mean < 1
        assert len(tracker["alpha"].values) == 3
    assert one.network is (one.tuning.network if one.is_tuned else shipped)
    assert one.sentences()[0].startswith("on movies like yours: alpha 0.")
    assert "± holds 95 percent of such movies; n = " in one.sentences()[0]
    assert next(row for row in one.likeness if row.name == "scale").agrees
    save_calibration_figure(tmp_path / "figure.png", one, frames[6])
    assert (tmp_path / "figure.png").stat().st_size > 20_000

    assert run().to_dict() == one.to_dict()
