import json
import shutil
import tracemalloc

import numpy as np
import pytest
import zarr

from tracking.errors import TrackingError
from tracking.io.movie import UnreadableFrame
from tracking.io.open_movie import open_movie

rng = np.random.default_rng(0)
STORED = rng.integers(0, 60000, (4, 2, 3, 20, 30), dtype=np.uint16)  # T C Z Y X
AXES = [
    {"name": "t", "type": "time", "unit": "millisecond"},
    {"name": "c", "type": "channel"},
    *({"name": name, "type": "space", "unit": "nanometer"} for name in "zyx"),
]


def write(path, stored=STORED, axes=AXES, version="0.5", scale=None, level="0", chunks=None, **attributes):
    group = zarr.open_group(path, mode="w", zarr_format=3 if version == "0.5" else 2)
    chunks = chunks or (1,) * (stored.ndim - 2) + stored.shape[-2:]
    if ".." not in level and not level.startswith("/"):
        group.create_array(level, data=stored, chunks=chunks)
    dataset = {"path": level}
    if scale:
        dataset["coordinateTransformations"] = [{"type": "scale", "scale": scale}]
    multiscale = {"datasets": [dataset], "version": version}
    if axes is not None:
        multiscale["axes"] = axes
    attributes = {"multiscales": [multiscale], **attributes}
    group.attrs.update({"ome": attributes} if version == "0.5" else attributes)
    return path


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_both_versions(tmp_path, version):
    path = write(tmp_path / "movie.ome.zarr", version=version, scale=[40, 1, 500, 350, 350])
    with pytest.raises(TrackingError, match="2 channels"):
        open_movie(path)
    with open_movie(path, channel=1) as movie:
        assert (movie.n_frames, movie.frame_shape, movie.dtype) == (4, (3, 20, 30), np.uint16)
        assert (movie.pixel_size, movie.z_step, movie.frame_interval) == (0.35, 0.5, 0.04)
        for index in (3, 0):
            np.testing.assert_array_equal(movie.frame(index), STORED[index, 1])
            assert movie.frame(index).flags.writeable


@pytest.mark.parametrize("chunks", [(1, 1, 1, 20, 30), (3, 1, 3, 7, 9), (4, 2, 3, 20, 30), (2, 2, 1, 20, 30)])
def test_chunks_of_any_shape(tmp_path, chunks):
    path = write(tmp_path / "movie.zarr", chunks=chunks)
    with open_movie(path, channel=1) as movie:
        for index in (0, 1, 3, 2, 0):
            np.testing.assert_array_equal(movie.frame(index), STORED[index, 1])


def test_a_chunk_of_many_frames_is_decoded_once(tmp_path, monkeypatch):
    stored = rng.integers(0, 255, (64, 20, 30), dtype=np.uint8)
    path = write(tmp_path / "movie.zarr", stored, ["t", "y", "x"], chunks=(32, 20, 30))
    reads = []
    with open_movie(path) as movie:
        whole = type(movie._source._array).__getitem__
        monkeypatch.setattr(
            type(movie._source._array), "__getitem__", lambda self, index: (reads.append(index), whole(self, index))[1]
        )
        for index in range(64):
            np.testing.assert_array_equal(movie.frame(index), stored[index])
    assert len(reads) == 2


def test_a_channel_by_its_name(tmp_path):
    path = write(tmp_path / "movie.zarr", omero={"channels": [{"label": "DAPI"}, {"label": "GFP"}]})
    with open_movie(path, channel="gfp") as movie:
        np.testing.assert_array_equal(movie.frame(0), STORED[0, 1])


def test_scales_multiply_and_units_are_needed(tmp_path):
    path = write(tmp_path / "movie.zarr", STORED[:, 0, 0], ["t", "y", "x"], scale=[40, 350, 350], level="a/b")
    with open_movie(path) as movie:
        assert (movie.pixel_size, movie.frame_interval) == (None, None)
    axes = [AXES[0], *AXES[3:]]
    path = write(tmp_path / "two.zarr", STORED[:, 0, 0], axes, scale=[1, 350, 350])
    content = json.loads((path / "zarr.json").read_text())
    content["attributes"]["ome"]["multiscales"][0]["coordinateTransformations"] = [
        {"type": "scale", "scale": [40, 1, 1]}
    ]
    (path / "zarr.json").write_text(json.dumps(content))
    with open_movie(path) as movie:
        assert (movie.pixel_size, movie.frame_interval) == (0.35, 0.04)


def test_metadata_of_old_versions(tmp_path):
    path = write(tmp_path / "movie.zarr", axes=None, version="0.1")
    with open_movie(path, channel=0) as movie:
        assert (movie.n_frames, movie.frame_shape) == (4, (3, 20, 30))


def test_slices_without_time(tmp_path):
    path = write(tmp_path / "movie.zarr", STORED[:, 0, 0], ["z", "y", "x"])
    with pytest.raises(TrackingError, match=r"4 slices .* give --axes TYX"):
        open_movie(path)
    with open_movie(path, axes="TYX") as movie:
        assert movie.n_frames == 4


def test_an_array_without_metadata(tmp_path):
    zarr.create_array(tmp_path / "three.zarr", data=STORED[:, 0, 0])
    with open_movie(tmp_path / "three.zarr") as movie:
        np.testing.assert_array_equal(movie.frame(2), STORED[2, 0, 0])
    zarr.create_array(tmp_path / "four.zarr", data=STORED[:, 0])
    with pytest.raises(TrackingError, match=r"shape \(4, 3, 20, 30\) .* give --axes, such as TZYX"):
        open_movie(tmp_path / "four.zarr")
    with open_movie(tmp_path / "four.zarr", axes="TZYX") as movie:
        np.testing.assert_array_equal(movie.frame(2), STORED[2, 0])


def test_what_bioformats2raw_writes(tmp_path):
    root = zarr.open_group(tmp_path / "movie.zarr", mode="w", zarr_format=2)
    root.attrs["bioformats2raw.layout"] = 3
    write(tmp_path / "movie.zarr" / "0", version="0.4")
    (tmp_path / "movie.zarr" / "OME").mkdir()
    with open_movie(tmp_path / "movie.zarr", channel=0) as movie:
        np.testing.assert_array_equal(movie.frame(2), STORED[2, 0])
    write(tmp_path / "movie.zarr" / "1", version="0.4")
    with pytest.raises(TrackingError, match="holds 2 images, 0, 1: give the path of one"):
        open_movie(tmp_path / "movie.zarr")


@pytest.mark.parametrize("level", ["../secret", "a/../../secret", "/etc", "..\\secret"])
def test_a_path_out_of_the_folder_is_refused(tmp_path, level):
    zarr.create_array(tmp_path / "secret", data=STORED[:, 0, 0])
    path = write(tmp_path / "movie.zarr", level=level if level[0] in "./" else "0")
    content = json.loads((path / "zarr.json").read_text())
    content["attributes"]["ome"]["multiscales"][0]["datasets"][0]["path"] = level
    (path / "zarr.json").write_text(json.dumps(content))
    with pytest.raises(TrackingError, match="refused: its metadata name an array outside of its folder"):
        open_movie(path)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    path = write(tmp_path / "movie.zarr")
    shutil.move(path / "0", tmp_path / "elsewhere")
    (path / "0").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TrackingError, match="`0` in it is a link"):
        open_movie(path)


def test_a_codec_that_can_run_a_program_is_refused(tmp_path):
    path = write(tmp_path / "movie.zarr", version="0.4")
    content = json.loads((path / "0" / ".zarray").read_text())
    content["compressor"] = {"id": "pickle", "protocol": 5}
    (path / "0" / ".zarray").write_text(json.dumps(content))
    with pytest.raises(TrackingError, match=r"`movie.zarr`|movie.zarr` is refused"):
        open_movie(path, channel=0)


@pytest.mark.parametrize("shape", [[10**6, 10**6, 10**6], [10**12, 20, 30]])
def test_a_shape_that_cannot_be_takes_no_memory(tmp_path, shape):
    path = write(tmp_path / "movie.zarr", STORED[:, 0, 0], ["t", "y", "x"])
    content = json.loads((path / "0" / "zarr.json").read_text())
    content["shape"] = shape
    (path / "0" / "zarr.json").write_text(json.dumps(content))
    tracemalloc.start()
    with pytest.raises(TrackingError, match="is damaged"):
        open_movie(path)
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_a_chunk_that_cannot_be_takes_no_memory(tmp_path):
    path = write(tmp_path / "movie.zarr", STORED[:, 0, 0], ["t", "y", "x"])
    content = json.loads((path / "0" / "zarr.json").read_text())
    content["chunk_grid"]["configuration"]["chunk_shape"] = [10**6, 10**5, 30]
    (path / "0" / "zarr.json").write_text(json.dumps(content))
    with pytest.raises(TrackingError, match="chunks of at most 4 GiB"):
        open_movie(path)


def test_a_damaged_chunk_costs_its_frame_alone(tmp_path):
    path = write(tmp_path / "movie.zarr", STORED[:, 0, 0], ["t", "y", "x"])
    (path / "0" / "c" / "2" / "0" / "0").write_bytes(b"damaged")
    with open_movie(path) as movie:
        with pytest.raises(UnreadableFrame, match=r"frame 2 of `movie.zarr` cannot be read") as refused:
            movie.frame(2)
        assert refused.value.index == 2
        np.testing.assert_array_equal(movie.frame(3), STORED[3, 0, 0])


@pytest.mark.parametrize(
    "change",
    [
        lambda ome: ome.clear(),
        lambda ome: ome.update(multiscales=[]),
        lambda ome: ome.update(multiscales="none"),
        lambda ome: ome["multiscales"][0].update(datasets=[]),
        lambda ome: ome["multiscales"][0]["datasets"][0].update(path="7"),
        lambda ome: ome["multiscales"][0].update(axes=["t", "y"]),
        lambda ome: ome["multiscales"][0].update(axes=["t", "z", "c", "a", "b"]),
        lambda ome: ome["multiscales"][0].update(axes=[1, 2, 3, 4, 5]),
        lambda ome: ome["multiscales"][0].update(coordinateTransformations=[{"type": "scale", "scale": [1]}]),
        lambda ome: ome["multiscales"][0].update(coordinateTransformations=[{"type": "scale", "scale": "wide"}]),
        lambda ome: ome.update(omero=[1]),
        lambda ome: ome.update(plate={}),
    ],
)
def test_metadata_that_make_no_sense(tmp_path, change):
    path = write(tmp_path / "movie.zarr")
    content = json.loads((path / "zarr.json").read_text())
    change(content["attributes"]["ome"])
    (path / "zarr.json").write_text(json.dumps(content))
    with pytest.raises(TrackingError, match=r"^`movie.zarr` "):
        open_movie(path, channel=0)


@pytest.mark.parametrize("name", ["zarr.json", ".zgroup", ".zarray"])
def test_a_folder_that_is_no_zarr(tmp_path, name):
    (tmp_path / "movie.zarr").mkdir()
    (tmp_path / "movie.zarr" / name).write_text("{")
    with pytest.raises(TrackingError, match="not a Zarr folder, or its metadata are damaged"):
        open_movie(tmp_path / "movie.zarr")


def test_the_fingerprint_changes_with_the_chunks_and_the_channel(tmp_path):
    path = write(tmp_path / "movie.zarr")
    before = open_movie(path, channel=0).fingerprint()
    assert open_movie(path, channel=0).fingerprint() == before
    assert open_movie(path, channel=1).fingerprint() != before
    (path / "0" / "c" / "2").rename(path / "0" / "c" / "9")
    changed = open_movie(path, channel=0).fingerprint()
    assert changed != before
    (path / "0" / "c" / "9").rename(path / "0" / "c" / "2")
    (path / "0" / "zarr.json").write_text((path / "0" / "zarr.json").read_text() + " ")
    assert open_movie(path, channel=0).fingerprint() != before
