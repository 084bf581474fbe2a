import filecmp
import os
import sys
import tracemalloc

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.io.open_movie import open_movie
from tracking.io.write_movie import write_movie

rng = np.random.default_rng(0)
FRAMES = rng.integers(0, 60000, (12, 20, 30), dtype=np.uint16)
UNITS = {"pixel_size": 0.1071, "z_step": 0.3, "frame_interval": 0.04}


def write(path, stored, **units):
    write_movie(path, list(stored), frame_shape=stored.shape[1:], dtype=stored.dtype, **units)
    return path


@given(
    st.sampled_from(["movie.tif", "movie.ome.tif", "movie.ome.zarr"]),
    st.integers(1, 4),
    st.sampled_from([(5, 7), (1, 1), (3, 5, 7), (2, 1, 4)]),
    st.sampled_from(["u1", "u2", "u4", "i1", "i2", "i4", "f4", "f8", ">u2"]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_back(tmp_path, name, n_frames, shape, dtype, is_sized):
    stored = rng.integers(0, 100, (n_frames, *shape)).astype(dtype)
    path = tmp_path / name
    native = stored.astype(stored.dtype.newbyteorder("="))
    frames = list(native) if is_sized else (frame for frame in native)
    write_movie(path, frames, frame_shape=shape, dtype=dtype, **UNITS)
    # One volume is no movie: whoever reads it must say that its slices are slices.
    axes = "ZYX" if n_frames == 1 and len(shape) == 3 else None
    with open_movie(path, axes=axes) as movie:
        assert (movie.n_frames, movie.frame_shape) == (n_frames, shape)
        assert movie.dtype == native.dtype
        assert movie.pixel_size == UNITS["pixel_size"]
        assert movie.z_step == (UNITS["z_step"] if len(shape) == 3 else None)
        assert movie.frame_interval == UNITS["frame_interval"]
        for index in range(n_frames):
            np.testing.assert_array_equal(movie.frame(index), native[index])


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".zarr"])
def test_units_that_are_not_known_stay_so(tmp_path, suffix):
    with open_movie(write(tmp_path / f"movie{suffix}", FRAMES)) as movie:
        assert (movie.pixel_size, movie.z_step, movie.frame_interval) == (None, None, None)


def test_a_pixel_size_keeps_nine_digits(tmp_path):
    with open_movie(write(tmp_path / "movie.tif", FRAMES, pixel_size=1 / 2.85)) as movie:
        assert movie.pixel_size == pytest.approx(1 / 2.85, rel=1e-9)


def test_fiji_sees_time(tmp_path):
    # ImageJ goes by these lines of the description, and without them takes pages as slices.
    path = write(tmp_path / "movie.tif", FRAMES.reshape(3, 4, 20, 30), **UNITS)
    with tifffile.TiffFile(path) as tif:
        lines = tif.pages[0].description.splitlines()
        assert lines[0].startswith("ImageJ=")
        assert {"images=12", "slices=4", "frames=3", "hyperstack=true", "unit=micron", "spacing=0.3"} <= set(lines)
        assert "finterval=0.04" in lines
        assert tif.series[0].axes == "TZYX"
        np.testing.assert_array_equal(tif.asarray(), FRAMES.reshape(3, 4, 20, 30))
    with tifffile.TiffFile(write(tmp_path / "flat.tif", FRAMES)) as tif:
        assert "frames=12" in tif.pages[0].description.splitlines()


def test_ome_is_well_formed_by_tifffiles_own_reading(tmp_path):
    path = write(tmp_path / "movie.ome.tif", FRAMES.reshape(3, 4, 20, 30), **UNITS)
    with tifffile.TiffFile(path) as tif:
        assert (tif.is_ome, tif.series[0].kind, tif.series[0].axes) == (True, "ome", "TZYX")
        pixels = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]["Pixels"]
    assert (pixels["SizeT"], pixels["SizeZ"], pixels["PhysicalSizeX"]) == (3, 4, 0.1071)
    assert (pixels["TimeIncrement"], pixels["TimeIncrementUnit"], pixels["PhysicalSizeZUnit"]) == (0.04, "s", "µm")


def test_above_four_gigabytes_it_is_a_big_tiff(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[write_movie.__module__], "_MOST_CLASSIC", 2**13)
    with open_movie(write(tmp_path / "movie.tif", FRAMES, frame_interval=2)) as movie:
        assert (movie.n_frames, movie.frame_interval) == (12, 2)
        np.testing.assert_array_equal(movie.frame(11), FRAMES[11])
    with tifffile.TiffFile(tmp_path / "movie.tif") as tif:
        assert tif.is_bigtiff
        assert tif.is_ome


@pytest.mark.slow
def test_a_movie_of_more_than_four_gigabytes(tmp_path):
    frame = np.arange(2048 * 2048, dtype=np.uint16).reshape(2048, 2048)
    n_frames = 2**32 // frame.nbytes + 2
    path = tmp_path / "movie.tif"
    tracemalloc.start()
    write_movie(path, (frame + np.uint16(t) for t in range(n_frames)), frame_shape=frame.shape, dtype=frame.dtype)
    assert path.stat().st_size > 2**32
    with open_movie(path) as movie:
        for index in (0, 511, n_frames - 1):
            np.testing.assert_array_equal(movie.frame(index), frame + np.uint16(index))
    assert tracemalloc.get_traced_memory()[1] < 2**27
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["movie.tif", "movie.ome.tif", "movie.zarr"])
def test_the_same_movie_gives_the_same_bytes(tmp_path, name, monkeypatch):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        write(tmp_path / folder / name, FRAMES, **UNITS)
    one, other = ([p for p in sorted((tmp_path / f).rglob("*")) if p.is_file()] for f in "ab")
    assert [p.relative_to(tmp_path / "a") for p in one] == [p.relative_to(tmp_path / "b") for p in other]
    assert all(filecmp.cmp(p, q, shallow=False) for p, q in zip(one, other, strict=True))
    text = b"".join(p.read_bytes() for p in one)
    assert b"uuid" not in text.lower()
    assert b"DateTime" not in text


@pytest.mark.parametrize("name", ["movie.tif", "movie.zarr"])
def test_frames_are_written_one_by_one(tmp_path, name):
    tracemalloc.start()
    frames = (np.full((512, 512), t, np.uint16) for t in range(100))  # 52 MB in all
    write_movie(tmp_path / name, frames, frame_shape=(512, 512), dtype=np.uint16)
    assert tracemalloc.get_traced_memory()[1] < 12 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["movie.tif", "movie.zarr"])
def test_an_error_leaves_what_was_there(tmp_path, name):
    write(tmp_path / name, FRAMES)

    def frames():
        yield FRAMES[0]
        raise RuntimeError("the camera failed")

    with pytest.raises(RuntimeError, match="camera"):
        write_movie(tmp_path / name, frames(), frame_shape=(20, 30), dtype=np.uint16)
    assert os.listdir(tmp_path) == [name]
    assert open_movie(tmp_path / name).n_frames == 12


@pytest.mark.parametrize("frame", [FRAMES[0, :5], FRAMES[0].astype(np.uint8)])
@pytest.mark.parametrize("name", ["movie.tif", "movie.zarr"])
def test_a_frame_that_does_not_fit(tmp_path, name, frame):
    with pytest.raises(ValueError, match=r"frame 1 must have the shape \(20, 30\) and type uint16"):
        write_movie(tmp_path / name, [FRAMES[0], frame], frame_shape=(20, 30), dtype=np.uint16)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("frames", [[], iter([])])
@pytest.mark.parametrize("name", ["movie.tif", "movie.zarr"])
def test_a_movie_without_frames_is_not_written(tmp_path, name, frames):
    with pytest.raises(TrackingError, match="the movie has no frame"):
        write_movie(tmp_path / name, frames, frame_shape=(20, 30), dtype=np.uint16)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "dtype", "message"),
    [
        ("movie.avi", np.uint8, "must end in .tif, .tiff or .zarr"),
        ("movie.tif", np.int64, "cannot hold pixels of type int64"),
        ("movie.tif", bool, "cannot hold pixels of type bool"),
        ("no/movie.tif", np.uint8, "could not be written"),
    ],
)
def test_what_cannot_be_written(tmp_path, name, dtype, message):
    with pytest.raises(TrackingError, match=message):
        write_movie(tmp_path / name, [np.zeros((4, 5), dtype)], frame_shape=(4, 5), dtype=dtype)


@pytest.mark.parametrize("length", [2, 12])
def test_frames_whose_length_is_another(tmp_path, length):
    class Unsure(list):
        def __len__(self):
            return length

    with pytest.raises(ValueError, match=f"as its length says, {length}, got"):
        write_movie(tmp_path / "movie.tif", Unsure(FRAMES[:3]), frame_shape=(20, 30), dtype=np.uint16)
    assert os.listdir(tmp_path) == []
