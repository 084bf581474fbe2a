import numpy as np
import pytest

from tracking import detection
from tracking.detect_movie import detect_movie, detection_key, detector_of
from tracking.detection import DetectionOptions
from tracking.io import open_movie, write_movie
from tracking.io.movie import UnreadableFrame
from tracking.simulation import simulate
from tracking.work_folder import work_folder


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


def run(movie, folder, options=None, *, stop_at=None, skip_bad_frames=False, workers=2):
    """What `detect_movie` tells, and all spots; the process is killed once so many frames are done."""

    def progress(done, total):
        if done == stop_at:
            raise Killed

    detector = detector_of(movie, options or DetectionOptions(), skip_bad_frames=skip_bad_frames)
    with work_folder(folder, detection_key(movie, detector)) as parts:
        found = detect_movie(
            movie, detector, parts, skip_bad_frames=skip_bad_frames, workers=workers, progress=progress
        )
        return found, found.columns(("frame", "y", "x", "signal"))


def test_spots_do_not_depend_on_parts_threads_or_interruptions(movie, tmp_path):
    whole, spots = run(movie, tmp_path / "whole", workers=1)
    with pytest.raises(Killed):
        run(movie, tmp_path / "parts", stop_at=100, workers=3)
    watched = Damaged(movie, ())
    resumed, again = run(watched, tmp_path / "parts", workers=3)

    assert resumed.reused == 100
    # Ten spread frames set the detector; of the others only the last part's are read again.
    assert {index for index in watched.read if index < 100} == set(np.linspace(0, 119, 10).round()) - {106, 119}
    assert again.equals(spots)
    assert whole.reused == 0
    assert len(whole.parts) == 3
    assert not (tmp_path / "parts").exists()


def test_other_options_another_movie_or_another_code_begin_anew(movie, tmp_path, monkeypatch):
    def begin():
        with pytest.raises(Killed):
            run(movie, tmp_path / "parts", stop_at=100)

    begin()
    assert run(movie, tmp_path / "parts")[0].reused == 100
    begin()
    assert run(movie, tmp_path / "parts", DetectionOptions(false_alarms=0.01))[0].reused == 0
    begin()
    other = simulate("vesicle", density=12, snr=7, seed=2, overrides={"n_frames": 120, "frame_shape": (64, 64)})
    write_movie(tmp_path / "other.tif", other, frame_shape=other.frame_shape, dtype=other.dtype)
    with open_movie(tmp_path / "other.tif") as opened:
        assert run(opened, tmp_path / "parts")[0].reused == 0
    begin()
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "detector.py").write_text("# another way to detect")
    monkeypatch.setattr(detection, "__file__", str(tmp_path / "newer" / "__init__.py"))
    assert run(movie, tmp_path / "parts")[0].reused == 0


def test_a_bad_frame_stops_or_is_skipped_and_what_was_done_is_kept(movie, tmp_path):
    damaged = Damaged(movie, {70})
    with pytest.raises(UnreadableFrame, match="frame 70") as stop:
        run(damaged, tmp_path / "parts")
    assert stop.value.index == 70

    detected, spots = run(damaged, tmp_path / "parts", skip_bad_frames=True)
    assert detected.skipped == (70,)
    assert detected.reused == 50
    assert 70 not in set(spots["frame"])
    assert {69, 71} <= set(spots["frame"])


def test_frames_saved_twice_are_told(movie, tmp_path):
    frames = [movie.frame(index) for index in (0, 1, 1, 2, 3, 3, 3)]
    write_movie(tmp_path / "twice.tif", frames, frame_shape=movie.frame_shape, dtype=movie.dtype)

    with open_movie(tmp_path / "twice.tif") as opened:
        assert run(opened, tmp_path / "parts")[0].repeated == (2, 5, 6)


def test_missing_pixels_and_blank_frames_are_counted(tmp_path):
    frames = np.random.default_rng(0).poisson(20, (60, 40, 40)).astype(np.float32)
    frames[3, 5, 5] = np.nan
    frames[55, :2, 7] = (np.nan, -np.inf)
    frames[10] = 4
    write_movie(tmp_path / "movie.tif", frames, frame_shape=(40, 40), dtype=np.dtype(np.float32))

    with open_movie(tmp_path / "movie.tif") as opened:
        with pytest.raises(Killed):
            run(opened, tmp_path / "parts", stop_at=50)
        found, _ = run(opened, tmp_path / "parts")

    assert found.reused == 50
    assert found.missing == ((3, 1), (55, 2))
    assert found.blank == (10,)
