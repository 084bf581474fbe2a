import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tracking.errors import TrackingError
from tracking.io.frame_names import order_frames
from tracking.io.movie import UnreadableFrame
from tracking.io.open_movie import open_movie

rng = np.random.default_rng(0)
FRAMES = rng.integers(0, 255, (12, 20, 30), dtype=np.uint8)


def save(path, pixels):
    if path.suffix == ".png":
        Image.fromarray(pixels).save(path)
    else:
        tifffile.imwrite(path, pixels, photometric="minisblack")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF"])
def test_a_file_a_frame_in_the_order_in_which_people_count(tmp_path, suffix):
    for index, frame in enumerate(FRAMES):  # img0, img1, img10, img11, img2 ... by the alphabet
        save(tmp_path / f"img{index}{suffix}", frame)
    with open_movie(tmp_path) as movie:
        assert (movie.n_frames, movie.frame_shape, movie.dtype) == (12, (20, 30), np.uint8)
        assert [file.stem for file in movie.files] == [f"img{index}" for index in range(12)]
        for index in (11, 2):
            np.testing.assert_array_equal(movie.frame(index), FRAMES[index])


def test_png_of_16_bits(tmp_path):
    for index, frame in enumerate(FRAMES[:3].astype(np.uint16) * 256 + 7):
        save(tmp_path / f"{index}.png", frame)
    with open_movie(tmp_path) as movie:
        assert movie.dtype == np.uint16
        np.testing.assert_array_equal(movie.frame(1), FRAMES[1].astype(np.uint16) * 256 + 7)


def test_other_and_hidden_files_are_ignored(tmp_path):
    for index in range(3):
        save(tmp_path / f"{index}.png", FRAMES[index])
    for name in ("README", "truth.xml", ".DS_Store", "._0.png", ".hidden.tif"):
        (tmp_path / name).write_bytes(b"other")
    (tmp_path / "more.png").mkdir()
    with open_movie(tmp_path) as movie:
        assert movie.n_frames == 3


@pytest.mark.parametrize("options", [{}, {"imagej": True, "metadata": {"axes": "ZYX"}}, {"metadata": {"axes": "ZYX"}}])
def test_a_tiff_of_several_pages_is_a_volume(tmp_path, options):
    volumes = FRAMES.reshape(3, 4, 20, 30)
    for index, volume in enumerate(volumes):
        tifffile.imwrite(tmp_path / f"{index}.tif", volume, photometric="minisblack", **options)
    with open_movie(tmp_path) as movie:
        assert (movie.n_frames, movie.frame_shape) == (3, (4, 20, 30))
        np.testing.assert_array_equal(movie.frame(2), volumes[2])


def challenge(folder, n_frames, n_slices, name="VIRUS snr 7 density mid t{t:03d} z{z}.tif"):
    folder.mkdir(exist_ok=True)
    for t in range(n_frames):
        for z in range(n_slices):
            save(folder / name.format(t=t, z=z), FRAMES[(t * n_slices + z) % 12])
    return folder


def test_the_challenges_naming_in_two_dimensions(tmp_path):
    with open_movie(challenge(tmp_path, 12, 1, "VESICLE snr 7 density mid t{t:03d} z{z}.tif")) as movie:
        assert (movie.n_frames, movie.frame_shape) == (12, (20, 30))
        np.testing.assert_array_equal(movie.frame(10), FRAMES[10])


@pytest.mark.parametrize("name", ["VIRUS snr 7 density mid t{t:03d} z{z}.tif", "cells_t{t}_z{z:02d}.png"])
def test_the_challenges_naming_in_three_dimensions(tmp_path, name):
    with open_movie(challenge(tmp_path, 1, 12, name), axes="ZYX") as movie:
        # z10 comes after z9, not after z1.
        assert (movie.n_frames, movie.frame_shape) == (1, (12, 20, 30))
        np.testing.assert_array_equal(movie.frame(0), FRAMES)
    with open_movie(challenge(tmp_path / "3", 3, 4, name)) as movie:
        assert (movie.n_frames, movie.frame_shape) == (3, (4, 20, 30))
        np.testing.assert_array_equal(movie.frame(2), FRAMES[8:])


@given(st.integers(1, 12), st.integers(1, 12), st.randoms())
def test_names_in_any_order(n_frames, n_slices, random):
    names = [f"A snr 1 t{t:03d} z{z}" for t in range(n_frames) for z in range(n_slices)]
    shuffled = random.sample(names, len(names))
    found = order_frames(Path("f"), [Path(f"f/{name}.tif") for name in shuffled])
    assert [file.stem for file in found.files] == names
    assert found.grid == (n_frames, n_slices)


@pytest.mark.parametrize(
    ("lost", "message"),
    [("t002 z1", "must hold t0 to t3 with z0 to z2 each, but t2 z1 is missing"), ("t000 z0", "but t0 z0 is missing")],
)
def test_a_missing_slice_is_named(tmp_path, lost, message):
    challenge(tmp_path, 4, 3)
    (tmp_path / f"VIRUS snr 7 density mid {lost}.tif").unlink()
    with pytest.raises(TrackingError, match=message):
        open_movie(tmp_path)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("VIRUS snr 4 density mid t000 z0.tif", "frames of two movies"),
        ("VIRUS snr 7 density mid t0 z0.tif", "holds frame t0 z0 twice"),
        ("mean.tif", "also holds `mean.tif`"),
    ],
)
def test_a_file_that_does_not_belong(tmp_path, extra, message):
    challenge(tmp_path, 2, 1)
    save(tmp_path / extra, FRAMES[0])
    with pytest.raises(TrackingError, match=message):
        open_movie(tmp_path)


def test_a_frame_there_twice(tmp_path):
    for name in ("img1", "img01", "img2"):
        save(tmp_path / f"{name}.png", FRAMES[0])
    with pytest.raises(TrackingError, match=r"holds a frame twice: `img01.png` and `img1.png`"):
        open_movie(tmp_path)


def test_a_folder_without_frames(tmp_path):
    (tmp_path / "notes.txt").write_text("no frames")
    with pytest.raises(TrackingError, match="holds no frames: PNG or TIFF files, or an OME-Zarr, were expected"):
        open_movie(tmp_path)


def test_png_and_tiff_mixed(tmp_path):
    save(tmp_path / "0.png", FRAMES[0])
    save(tmp_path / "1.tif", FRAMES[1])
    with pytest.raises(TrackingError, match="holds PNG and TIFF files"):
        open_movie(tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("odd", [FRAMES[0, :10], FRAMES[0].astype(np.uint16)], ids=["shape", "type"])
def test_a_frame_of_another_shape_or_type_is_named_before_anything_is_read(tmp_path, suffix, odd):
    for index, frame in enumerate(FRAMES):
        save(tmp_path / f"{index}{suffix}", odd if index == 7 else frame)
    with pytest.raises(TrackingError, match=rf"`7\{suffix}` must have the shape \(20, 30\) and type uint8"):
        open_movie(tmp_path)


def test_a_volume_of_another_depth_is_named(tmp_path):
    for index, depth in enumerate((4, 4, 3)):
        save(tmp_path / f"{index}.tif", FRAMES[:depth])
    with (
        open_movie(tmp_path) as movie,
        pytest.raises(TrackingError, match=r"`2.tif` must have the shape \(4, 20, 30\)"),
    ):
        movie.frame(2)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("damage", ["short", "empty", "other", "gone"])
@pytest.mark.parametrize("which", [0, 6])
def test_a_damaged_file_costs_its_frame_alone(tmp_path, suffix, damage, which):
    for index, frame in enumerate(FRAMES):
        save(tmp_path / f"{index}{suffix}", frame)
    bad = tmp_path / f"{which}{suffix}"
    content = bad.read_bytes()
    if damage != "gone":
        bad.write_bytes({"short": content[: len(content) // 2], "empty": b"", "other": b"GIF89a" * 100}[damage])
    with open_movie(tmp_path) as movie:
        if damage == "gone":
            bad.unlink()
        with pytest.raises((UnreadableFrame, TrackingError), match=rf"`{tmp_path.name}`|`{bad.name}`") as refused:
            movie.frame(which)
        assert isinstance(refused.value, UnreadableFrame)
        assert refused.value.index == which
        np.testing.assert_array_equal(movie.frame(7), FRAMES[7])


def test_a_folder_of_nothing_but_damaged_files(tmp_path):
    for index in range(3):
        (tmp_path / f"{index}.png").write_bytes(b"no picture")
    with pytest.raises(TrackingError, match=r"none of the 3 files .* can be read"):
        open_movie(tmp_path)


@pytest.mark.parametrize("n", [3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_colour_is_refused_unless_one_is_chosen(tmp_path, n, suffix):
    colours = rng.integers(0, 255, (3, 20, 30, n), dtype=np.uint8)
    for index, frame in enumerate(colours):
        if suffix == ".png":
            save(tmp_path / f"{index}.png", frame)
        else:
            tifffile.imwrite(tmp_path / f"{index}.tif", frame, photometric="rgb")
    with pytest.raises(
        TrackingError, match=r"in colour, .* --channel, one of 0 .red., 1 .green., 2 .blue.*--channel 0 is"
    ):
        open_movie(tmp_path)
    with open_movie(tmp_path, channel="blue") as movie:
        assert (movie.n_frames, movie.frame_shape) == (3, (20, 30))
        np.testing.assert_array_equal(movie.frame(1), colours[1, ..., 2])


def test_a_palette_is_colour(tmp_path):
    for index in range(2):
        Image.fromarray(FRAMES[index]).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / f"{index}.png")
    with pytest.raises(TrackingError, match="in colour"):
        open_movie(tmp_path)
    with open_movie(tmp_path, channel=0) as movie:
        np.testing.assert_array_equal(movie.frame(1), FRAMES[1])


def test_black_and_white_png(tmp_path):
    Image.fromarray(FRAMES[0] > 9).save(tmp_path / "0.png")
    with pytest.raises(TrackingError, match=r"`0.png` must hold brightness, but its pixels are only black or white"):
        open_movie(tmp_path)


def test_png_colours_of_16_bits_are_not_silently_cut_to_8(tmp_path):
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" + bytes(12))), (b"IEND", b"")]
    content = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    (tmp_path / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    with pytest.raises(TrackingError, match=r"`0.png` holds colours of 16 bits"):
        open_movie(tmp_path)


def test_a_png_that_claims_terapixels_is_refused(tmp_path):
    save(tmp_path / "0.png", FRAMES[0])
    content = bytearray((tmp_path / "0.png").read_bytes())
    content[16:24] = struct.pack(">II", 2**20, 2**20)
    (tmp_path / "0.png").write_bytes(content)
    with pytest.raises(TrackingError, match="has frames of 1024 GiB"):
        open_movie(tmp_path)


def test_a_movie_among_the_frames(tmp_path):
    tifffile.imwrite(tmp_path / "0.tif", FRAMES, imagej=True, metadata={"axes": "TYX"})
    with pytest.raises(TrackingError, match=r"`0.tif` is a movie of its own and not a frame"):
        open_movie(tmp_path)


def test_the_fingerprint_knows_every_file(tmp_path):
    for index, frame in enumerate(FRAMES):
        save(tmp_path / f"{index}.png", frame)
    before = open_movie(tmp_path).fingerprint()
    (tmp_path / "tracks.csv").write_text("results may lie beside the frames")
    assert open_movie(tmp_path).fingerprint() == before
    save(tmp_path / "5.png", FRAMES[0])
    assert open_movie(tmp_path).fingerprint() != before
