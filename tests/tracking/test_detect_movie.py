import numpy as np
import pytest

from tracking.detect_movie import detect_movie
from tracking.detection import DetectionOptions
from tracking.io import open_movie, write_movie
from tracking.io.movie import UnreadableFrame
from tracking.simulation import simulate


@pytest.fixture
def movie(tmp_path):
    made = simulate("vesicle", density=12, snr=7, seed=1, overrides={"n_frames": 120, "frame_shape": (64, 64)})
    write_movie(tmp_path / "movie.tif", made, frame_shape=made.frame_shape, dtype=made.dtype)
    with open_movie(tmp_path / "movie.tif") as opened:
        yield opened


class Killed(BaseException):
    pass


class Damaged:
    """A movie in which some frames cannot be read."""

    def __init__(self, movie, bad):
        self.movie, self.bad, self.read = movie, bad, []

    def __getattr__(self, name):
        return getattr(self.movie, name)

    def frame(self, index):
        self.read.append(index)
        if index in self.bad:
            raise UnreadableFrame(index, self.movie.path, "for this test")
        return self.movie.frame(index)


def all_spots(detected):
    return detected.columns(("frame", "y", "x", "signal"))


def test_spots_do_not_depend_on_parts_threads_or_interruptions(movie, tmp_path):
    whole = detect_movie(movie, DetectionOptions(), tmp_path / "whole", workers=1)

    def killed_after_the_second_part(done, total):
        if done == 100:
            raise Killed

    with pytest.raises(Killed):
        detect_movie(movie, DetectionOptions(), tmp_path / "parts", workers=3, progress=killed_after_the_second_part)
    watched = Damaged(movie, ())
    resumed = detect_movie(watched, DetectionOptions(), tmp_path / "parts", workers=3)

    assert resumed.reused == 100
    # Ten spread frames set the detector; of the others only the last part's are read again.
    assert {index for index in watched.read if index < 100} == set(np.linspace(0, 119, 10).round()) - {106, 119}
    assert all_spots(resumed).equals(all_spots(whole))
    assert whole.reused == 0
    assert len(whole.parts) == 3


def test_other_options_or_another_movie_begin_anew(movie, tmp_path):
    detect_movie(movie, DetectionOptions(), tmp_path / "parts")
    assert detect_movie(movie, DetectionOptions(), tmp_path / "parts").reused == 120
    assert detect_movie(movie, DetectionOptions(false_alarms=0.01), tmp_path / "parts").reused == 0

    other = simulate("vesicle", density=12, snr=7, seed=2, overrides={"n_frames": 120, "frame_shape": (64, 64)})
    write_movie(tmp_path / "other.tif", other, frame_shape=other.frame_shape, dtype=other.dtype)
    with open_movie(tmp_path / "other.tif") as opened:
        again = detect_movie(opened, DetectionOptions(false_alarms=0.01), tmp_path / "parts")
    assert again.reused == 0


def test_a_bad_frame_stops_or_is_skipped_and_what_was_done_is_kept(movie, tmp_path):
    damaged = Damaged(movie, {70})
    with pytest.raises(UnreadableFrame, match="frame 70") as stop:
        detect_movie(damaged, DetectionOptions(), tmp_path / "parts")
    assert stop.value.index == 70

    detected = detect_movie(damaged, DetectionOptions(), tmp_path / "parts", skip_bad_frames=True)
    assert detected.skipped == (70,)
    assert detected.reused == 50
    frames = all_spots(detected)["frame"]
    assert 70 not in set(frames)
    assert {69, 71} <= set(frames)


def test_frames_saved_twice_are_told(movie, tmp_path):
    frames = [movie.frame(index) for index in (0, 1, 1, 2, 3, 3, 3)]
    write_movie(tmp_path / "twice.tif", frames, frame_shape=movie.frame_shape, dtype=movie.dtype)

    with open_movie(tmp_path / "twice.tif") as opened:
        assert detect_movie(opened, DetectionOptions(), tmp_path / "parts").repeated == (2, 5, 6)
