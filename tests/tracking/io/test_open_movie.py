import os
import subprocess
import sys

import numpy as np
import pytest
import tifffile

from tracking.errors import TrackingError
from tracking.io.open_movie import open_movie

FRAMES = np.random.default_rng(0).integers(0, 255, (5, 20, 30), dtype=np.uint8)


@pytest.fixture
def path(tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", FRAMES)
    return tmp_path / "movie.tif"


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(TrackingError, match=r"movie.tif` does not exist"):
        open_movie(tmp_path / "movie.tif")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("movie.tif", b"", "is empty"),
        ("movie.tif", b"II", "is not a movie: TIFF, OME-Zarr or a folder"),
        ("movie.tif", b"II*\0", "not a TIFF file, or its header is damaged"),
        ("movie.tif", b"II*\0\xff\xff\xff\xff", "damaged or cut short: it holds no page"),
        ("movie.tif", b"II*\0\x08\0\0\0\xff\xff", "`movie.tif` is"),
        ("movie.tif", b"IIxx" * 9, "not a TIFF file"),
        ("movie.avi", b"RIFF" * 9, "is not a movie"),
        ("notes.txt", b"no pixels at all", "is not a movie"),
        ("frame.png", b"\x89PNG", "is a single frame: give the folder"),
    ],
)
def test_files_that_are_no_movie(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TrackingError, match=message):
        open_movie(tmp_path / name)


def test_a_file_that_may_not_be_read(path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(TrackingError, match="cannot be read: Permission denied"):
        open_movie(path)


@pytest.mark.parametrize("name", ["pixel_size", "z_step", "frame_interval"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_sizes_must_be_positive(path, name, value):
    with pytest.raises(TrackingError, match=rf"--{name.replace('_', '-')} must be a positive number"):
        open_movie(path, **{name: value})


def test_no_z_step_for_flat_frames(path):
    assert open_movie(path, z_step=2).z_step is None


@pytest.mark.parametrize("index", [-1, 5, 10**12])
def test_a_frame_that_is_not_there(path, index):
    with open_movie(path) as movie, pytest.raises(IndexError, match="must be from 0 to 4"):
        movie.frame(index)


def test_changing_a_frame_changes_nothing_else(path):
    with open_movie(path) as movie:
        movie.frame(2)[:] = 0
        np.testing.assert_array_equal(movie.frame(2), FRAMES[2])


def test_the_fingerprint_is_of_the_movie_and_the_choices(path, tmp_path):
    first = open_movie(path).fingerprint()
    assert len(first) == 64
    assert open_movie(str(path)).fingerprint() == first
    assert open_movie(path, pixel_size=3).fingerprint() == first  # the pixels are the same
    assert open_movie(path, axes="ZYX").fingerprint() != first
    (tmp_path / "moved").mkdir()
    path = path.rename(tmp_path / "moved" / "movie.tif")
    assert open_movie(path).fingerprint() == first
    os.utime(path, ns=(0, 0))
    assert open_movie(path).fingerprint() != first


def test_importing_it_loads_no_format():
    code = "import sys, tracking.io.open_movie; print(sorted({'tifffile', 'zarr', 'PIL', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_real_imagej_movie(shared_data):
    with open_movie(shared_data / "trackmate_samples" / "FakeTracks.tif") as movie:
        assert (movie.n_frames, movie.frame_shape, movie.dtype) == (50, (128, 128), np.uint8)
        assert (movie.pixel_size, movie.frame_interval) == (None, 1.0)
        np.testing.assert_array_equal(movie.frame(49), tifffile.imread(movie.path)[49])


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("trackmate_samples/stracking_tracks1.tif", (128, 128)),
        ("trackpy_movies/stuck_fluorescent_probes.tif", (512, 512)),
    ],
)
def test_real_movies_whose_time_is_stored_as_z(shared_data, name, shape):
    with pytest.raises(TrackingError, match=r"holds 5 slices .* give --axes TYX"):
        open_movie(shared_data / name)
    with open_movie(shared_data / name, axes="TYX") as movie:
        assert (movie.n_frames, movie.frame_shape) == (5, shape)
        np.testing.assert_array_equal(movie.frame(3), tifffile.imread(movie.path)[3])


def test_real_folder_of_colour_frames(shared_data):
    folder = shared_data / "trackpy_movies" / "bulk_water"
    with pytest.raises(TrackingError, match=r"`bulk_water` is in colour, .* give --channel, one of 0 .red., 1 .green."):
        open_movie(folder)
    with open_movie(folder, channel="green") as movie:
        assert (movie.n_frames, movie.frame_shape, movie.dtype) == (100, (424, 640), np.uint8)
        assert movie.files[42].name == "bulk_water_042.png"
        assert movie.frame(42).std() > 1


def test_real_stack_without_metadata(shared_data):
    # A volume in truth, but nothing in the file says so.
    path = shared_data / "fluo_spots" / "spotiflow" / "img_synth_3d.tif"
    assert open_movie(path).frame_shape == (128, 128)
    with open_movie(path, axes="ZYX") as movie:
        assert (movie.n_frames, movie.frame_shape) == (1, (32, 128, 128))


def test_a_frame_may_be_named_by_a_number_of_numpy(path):
    with open_movie(path) as movie:
        np.testing.assert_array_equal(movie.frame(np.int64(3)), FRAMES[3])
