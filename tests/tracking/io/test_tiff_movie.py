import resource
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.io.movie import UnreadableFrame
from tracking.io.open_movie import open_movie

rng = np.random.default_rng(0)
FRAMES = rng.integers(0, 60000, (12, 20, 30), dtype=np.uint16)
VOLUMES = FRAMES.reshape(3, 4, 20, 30)


def page_by_page(path, **options):
    with tifffile.TiffWriter(path) as writer:
        for frame in FRAMES:
            writer.write(frame, **options)


WRITERS = {
    "plain": lambda path: page_by_page(path, metadata=None),
    "plain, compressed": lambda path: page_by_page(path, metadata=None, compression="zlib"),
    "plain, in strips": lambda path: page_by_page(path, metadata=None, rowsperstrip=7),
    "plain, in tiles": lambda path: page_by_page(path, metadata=None, tile=(16, 16)),
    "tifffile": lambda path: tifffile.imwrite(path, FRAMES),
    "tifffile, time named": lambda path: tifffile.imwrite(path, FRAMES, metadata={"axes": "TYX"}),
    "tifffile, big-endian": lambda path: tifffile.imwrite(path, FRAMES, byteorder=">"),
    "tifffile, compressed": lambda path: tifffile.imwrite(path, FRAMES, compression="zlib", predictor=True),
    "tifffile, a page a call": page_by_page,
    "tifffile, a page a call, compressed": lambda path: page_by_page(path, compression="zlib"),
    "BigTIFF": lambda path: tifffile.imwrite(path, FRAMES, bigtiff=True),
    "ImageJ": lambda path: tifffile.imwrite(path, FRAMES, imagej=True, metadata={"axes": "TYX"}),
    "ImageJ, compressed": lambda path: tifffile.imwrite(
        path, FRAMES, imagej=True, metadata={"axes": "TYX"}, compression="zlib"
    ),
    "OME": lambda path: tifffile.imwrite(path, FRAMES, ome=True, metadata={"axes": "TYX"}),
    "OME, compressed": lambda path: tifffile.imwrite(
        path, FRAMES, ome=True, metadata={"axes": "TYX"}, compression="zlib"
    ),
    "OME, BigTIFF": lambda path: tifffile.imwrite(path, FRAMES, ome=True, bigtiff=True, metadata={"axes": "TYX"}),
}


@pytest.mark.parametrize("layout", WRITERS)
def test_every_layout_gives_the_frames(tmp_path, layout):
    WRITERS[layout](tmp_path / "movie.tif")
    with open_movie(tmp_path / "movie.tif") as movie:
        assert (movie.n_frames, movie.frame_shape, movie.is_3d) == (12, (20, 30), False)
        assert movie.dtype == np.uint16
        assert movie.dtype.isnative
        for index in (11, 0, 5):  # any order
            frame = movie.frame(index)
            np.testing.assert_array_equal(frame, FRAMES[index])
            assert frame.dtype == movie.dtype
            assert frame.flags.owndata
            assert frame.flags.writeable


@pytest.mark.parametrize("layout", WRITERS)
def test_every_layout_can_be_read_as_volumes(tmp_path, layout):
    WRITERS[layout](tmp_path / "movie.tif")
    with tifffile.TiffFile(tmp_path / "movie.tif") as written:
        assert written.asarray().size == FRAMES.size or len(written.series) == 12
    with pytest.raises(TrackingError, match=r"--axes must have one letter for each of the 3 axes"):
        open_movie(tmp_path / "movie.tif", axes="TZYX")
    with open_movie(tmp_path / "movie.tif", axes="ZYX") as movie:
        assert (movie.n_frames, movie.frame_shape) == (1, (12, 20, 30))
        np.testing.assert_array_equal(movie.frame(0), FRAMES)


@pytest.mark.parametrize(
    "options",
    [
        {"imagej": True, "metadata": {"axes": "TZYX"}},
        {"ome": True, "metadata": {"axes": "TZYX"}},
        {"ome": True, "compression": "zlib", "metadata": {"axes": "TZYX"}},
        {"metadata": {"axes": "TZYX"}},
    ],
)
def test_volumes(tmp_path, options):
    tifffile.imwrite(tmp_path / "movie.tif", VOLUMES, **options)
    with open_movie(tmp_path / "movie.tif") as movie:
        assert (movie.n_frames, movie.frame_shape, movie.is_3d) == (3, (4, 20, 30), True)
        np.testing.assert_array_equal(movie.frame(2), VOLUMES[2])


def test_volumes_written_one_a_call_need_the_axes(tmp_path):
    with tifffile.TiffWriter(tmp_path / "movie.tif") as writer:
        for volume in VOLUMES:
            writer.write(volume, photometric="minisblack")
    with pytest.raises(TrackingError, match=r"shape \(3, 4, 20, 30\) .* give --axes, such as TZYX"):
        open_movie(tmp_path / "movie.tif")
    with open_movie(tmp_path / "movie.tif", axes="TZYX") as movie:
        np.testing.assert_array_equal(movie.frame(2), VOLUMES[2])


@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_one_channel_of_several(tmp_path, kind):
    stored = FRAMES.reshape(2, 3, 2, 20, 30) if kind == "ome" else FRAMES.reshape(2, 2, 3, 20, 30)
    axes = "TCZYX" if kind == "ome" else "TZCYX"
    tifffile.imwrite(tmp_path / "movie.tif", stored, **{kind: True}, metadata={"axes": axes})
    with pytest.raises(TrackingError, match=r"holds 3 channels, .* give --channel, one of 0, 1, 2"):
        open_movie(tmp_path / "movie.tif")
    with open_movie(tmp_path / "movie.tif", channel=2) as movie:
        expected = stored[1, 2] if kind == "ome" else stored[1, :, 2]
        np.testing.assert_array_equal(movie.frame(1), expected)


def test_a_channel_by_its_name(tmp_path):
    tifffile.imwrite(
        tmp_path / "movie.ome.tif",
        FRAMES.reshape(4, 3, 20, 30),
        photometric="minisblack",
        metadata={"axes": "TCYX", "Channel": {"Name": ["DAPI", "GFP", "Cy5"]}},
    )
    with open_movie(tmp_path / "movie.ome.tif", channel="gfp") as movie:
        np.testing.assert_array_equal(movie.frame(3), FRAMES.reshape(4, 3, 20, 30)[3, 1])


@given(
    st.sampled_from(["TYX", "TZYX", "TCYX", "TZCYX", "TCZYX"]),
    st.sampled_from(["u1", "u2", "i2", "u4", "f4", "f8"]),
    st.sampled_from(["<", ">"]),
    st.sampled_from([None, "zlib"]),
    st.booleans(),
    st.data(),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ome_of_any_axes_type_and_byte_order(tmp_path, axes, dtype, byteorder, compression, bigtiff, data):
    shape = tuple(data.draw(st.integers(2, 4)) if letter != "T" else data.draw(st.integers(1, 4)) for letter in axes)
    stored = np.arange(np.prod(shape)).reshape(shape).astype(byteorder + dtype)
    path = tmp_path / "any.tif"
    tifffile.imwrite(
        path,
        stored,
        ome=True,
        byteorder=byteorder,
        compression=compression,
        bigtiff=bigtiff,
        photometric="minisblack",
        metadata={"axes": axes},
    )
    channel = data.draw(st.integers(0, shape[axes.index("C")] - 1)) if "C" in axes else None
    option = axes if "Z" in axes and shape[0] == 1 else None
    option = option.replace("T", "") if option else None  # an axis of size one may be left out
    with open_movie(path, channel=channel, axes=option) as movie:
        assert movie.n_frames == shape[0]
        assert movie.dtype == np.dtype(dtype)
        expected = stored if channel is None else stored.take(channel, axes.index("C"))
        for index in range(shape[0]):
            np.testing.assert_array_equal(movie.frame(index), expected[index])


def test_half_floats_become_floats(tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", FRAMES.astype(np.float16) / 8)
    with open_movie(tmp_path / "movie.tif") as movie:
        assert movie.dtype == movie.frame(0).dtype == np.float32
        np.testing.assert_array_equal(movie.frame(3), (FRAMES[3].astype(np.float16) / 8).astype(np.float32))


@pytest.mark.parametrize("dtype", [bool, np.complex64])
def test_pixels_that_are_no_brightness(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "movie.tif", FRAMES.astype(dtype))
    with pytest.raises(TrackingError, match=rf"must hold real numbers, got pixels of type {np.dtype(dtype).name}"):
        open_movie(tmp_path / "movie.tif")


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("n", [3, 4])
def test_colour(tmp_path, planar, n):
    colours = rng.integers(0, 255, (5, 20, 30, n), dtype=np.uint8)
    stored = colours if planar == "contig" else np.moveaxis(colours, -1, 1)
    extra = {"extrasamples": ["unassalpha"]} if n == 4 else {}
    tifffile.imwrite(tmp_path / "movie.tif", stored, photometric="rgb", planarconfig=planar, **extra)
    with pytest.raises(TrackingError, match=r"in colour.*give --channel"):
        open_movie(tmp_path / "movie.tif")
    for options in ({"channel": 1}, {"channel": "green"}, {"channel": 1, "axes": "TYX"}):
        with open_movie(tmp_path / "movie.tif", **options) as movie:
            np.testing.assert_array_equal(movie.frame(4), colours[4, ..., 1])


def test_units_of_imagej(tmp_path):
    def write(unit, **metadata):
        tifffile.imwrite(
            tmp_path / "movie.tif",
            VOLUMES,
            imagej=True,
            resolution=(1 / 0.35, 1 / 0.35),
            metadata={"axes": "TZYX", "unit": unit, "spacing": 0.5, **metadata},
        )
        with open_movie(tmp_path / "movie.tif") as movie:
            return movie.pixel_size, movie.z_step, movie.frame_interval

    assert write("um", finterval=0.04) == (0.35, 0.5, 0.04)
    assert write("\\u00B5m", finterval=40, tunit="ms") == (0.35, 0.5, 0.04)
    assert write("nm") == (0.00035, 0.0005, None)
    assert write("pixel") == (None, None, None)


def test_units_of_ome_and_options_that_override_them(tmp_path):
    metadata = {"axes": "TZYX", "PhysicalSizeX": 350, "PhysicalSizeY": 351, "PhysicalSizeXUnit": "nm"}
    metadata |= {"PhysicalSizeYUnit": "nm", "PhysicalSizeZ": 1.5, "TimeIncrement": 40, "TimeIncrementUnit": "ms"}
    tifffile.imwrite(tmp_path / "movie.ome.tif", VOLUMES, metadata=metadata)
    with open_movie(tmp_path / "movie.ome.tif") as movie:
        assert (movie.pixel_size, movie.z_step, movie.frame_interval) == (0.35, 1.5, 0.04)
    with open_movie(tmp_path / "movie.ome.tif", pixel_size=0.2, z_step=1, frame_interval=2) as movie:
        assert (movie.pixel_size, movie.z_step, movie.frame_interval) == (0.2, 1, 2)


def test_pixels_that_are_not_square_need_a_pixel_size(tmp_path):
    metadata = {"axes": "TYX", "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.2}
    tifffile.imwrite(tmp_path / "movie.ome.tif", FRAMES, metadata=metadata)
    with pytest.raises(TrackingError, match=r"must have square pixels.*--pixel-size"):
        open_movie(tmp_path / "movie.ome.tif")
    with open_movie(tmp_path / "movie.ome.tif", pixel_size=0.15) as movie:
        assert movie.pixel_size == 0.15


def test_time_stored_as_z_is_refused_with_both_ways_out(tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", FRAMES, imagej=True, metadata={"axes": "ZYX"})
    with pytest.raises(TrackingError, match=r"12 slices .* --axes TYX if they are time points, or --axes ZYX if"):
        open_movie(tmp_path / "movie.tif")
    with open_movie(tmp_path / "movie.tif", axes="TYX") as movie:
        assert movie.n_frames == 12


def readable_frames(path):
    with open_movie(path) as movie:
        found, errors = {}, {}
        for index in range(movie.n_frames):
            try:
                found[index] = movie.frame(index)
            except UnreadableFrame as error:
                errors[index] = error
        for index, error in errors.items():
            assert error.index == index
            assert str(error).startswith(f"frame {index} of `movie.tif` cannot be read (")
            assert "--skip-bad-frames" in str(error)
            assert "\n" not in str(error)
        return movie.n_frames, found


@pytest.mark.parametrize("layout", ["tifffile", "ImageJ"])
def test_a_stretch_of_pixels_that_is_cut_short_loses_its_end(tmp_path, layout):
    path = tmp_path / "movie.tif"
    WRITERS[layout](path)
    with tifffile.TiffFile(path) as whole:
        start = whole.series[0].dataoffset
    path.write_bytes(path.read_bytes()[: start + 5 * FRAMES[0].nbytes + 100])
    n_frames, found = readable_frames(path)
    assert n_frames == 12
    assert list(found) == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(found[4], FRAMES[4])


@pytest.mark.parametrize("layout", ["plain", "plain, compressed", "tifffile, a page a call"])
def test_pages_that_are_cut_short_end_in_an_unreadable_frame(tmp_path, layout):
    # The lost pages cannot be counted, but that there was one more can be seen.
    path = tmp_path / "movie.tif"
    WRITERS[layout](path)
    with tifffile.TiffFile(path) as whole:
        end = whole.pages[9].offset
    path.write_bytes(path.read_bytes()[:end])
    n_frames, found = readable_frames(path)
    assert (n_frames, list(found)) == (10, list(range(9)))
    np.testing.assert_array_equal(found[8], FRAMES[8])


def test_ome_that_is_cut_short_keeps_its_count(tmp_path):
    data = '<TiffData IFD="0" PlaneCount="12"/>'
    path = with_description(tmp_path / "movie.tif", XML.format(dtd="", body=PIXELS.format(t=12, z=1, data=data)))
    with tifffile.TiffFile(path) as whole:
        end = whole.pages[9].offset
    path.write_bytes(path.read_bytes()[:end])
    n_frames, found = readable_frames(path)
    assert (n_frames, list(found)) == (12, list(range(9)))


@pytest.mark.parametrize(
    "layout", ["plain, compressed", "tifffile, compressed", "ImageJ, compressed", "OME, compressed"]
)
def test_a_damaged_page_in_the_middle_costs_its_frame_alone(tmp_path, layout):
    path = tmp_path / "movie.tif"
    WRITERS[layout](path)
    with tifffile.TiffFile(path) as whole:
        offset, count = whole.pages[6].dataoffsets[0], whole.pages[6].databytecounts[0]
    content = bytearray(path.read_bytes())
    content[offset : offset + count] = b"\x55" * count
    path.write_bytes(content)
    n_frames, found = readable_frames(path)
    assert n_frames == 12
    assert set(range(12)) - set(found) == {6}
    np.testing.assert_array_equal(found[7], FRAMES[7])


@pytest.mark.parametrize("odd", [4, 10])
def test_pages_of_different_shapes(tmp_path, odd):
    with tifffile.TiffWriter(tmp_path / "movie.tif") as writer:
        for index, frame in enumerate(FRAMES):
            writer.write(frame[:10] if index == odd else frame, metadata=None)
    with pytest.raises(TrackingError, match=rf"one shape and type, .* uint16 20x30, and page {odd} is uint16 10x30"):
        readable_frames(tmp_path / "movie.tif")


@pytest.mark.parametrize("n", [5, 12])
def test_pages_of_different_types(tmp_path, n):
    with tifffile.TiffWriter(tmp_path / "movie.tif") as writer:
        for index, frame in enumerate(FRAMES[:n]):
            writer.write(frame.astype(np.uint8) if index == 3 else frame, metadata=None)
    with pytest.raises(TrackingError, match=r"one shape and type, .* uint16 20x30, and page 3 is uint8 20x30"):
        readable_frames(tmp_path / "movie.tif")


XML = '<?xml version="1.0"?>{dtd}<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{body}</OME>'
PIXELS = (
    '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="30" SizeY="20" SizeZ="{z}"'
    ' SizeC="1" SizeT="{t}">{data}</Pixels></Image>'
)
LAUGHS = (
    '<!DOCTYPE OME [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {one} "{f"&{other};" * 10}">' for one, other in zip("bcdefgh", "abcdefg", strict=True))
    + "]>"
)


def with_description(path, description):
    with tifffile.TiffWriter(path) as writer:
        for index, frame in enumerate(FRAMES):
            writer.write(frame, description=description if index == 0 else None, metadata=None)
    return path


@pytest.mark.parametrize(
    ("dtd", "body"),
    [
        (LAUGHS, "&h;"),
        ('<!DOCTYPE OME [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "&x;"),
        ('<!DOCTYPE OME SYSTEM "http://example.org/ome.dtd">', ""),
    ],
)
def test_harmful_xml_is_refused(tmp_path, dtd, body):
    path = with_description(tmp_path / "movie.tif", XML.format(dtd=dtd, body=body))
    for axes in (None, "TYX"):
        with pytest.raises(TrackingError, match=r"`movie.tif` is refused: its metadata declare"):
            open_movie(path, axes=axes)


def test_harmful_xml_of_other_kinds_is_refused(tmp_path):
    path = with_description(tmp_path / "movie.tif", LAUGHS + "<scn>&h;</scn>")
    with pytest.raises(TrackingError, match=r"`movie.tif` is refused: its metadata declare"):
        open_movie(path)


def test_malformed_xml_is_refused(tmp_path):
    path = with_description(tmp_path / "movie.tif", "<OME><Image></OME>")
    with pytest.raises(TrackingError, match="not well-formed XML"):
        open_movie(path)


@pytest.mark.parametrize(
    ("sizes", "data"),
    [
        ({"t": 10**12, "z": 1}, "<TiffData/>"),
        ({"t": 10**8, "z": 1}, "<TiffData/>"),
        ({"t": 12, "z": 1}, '<TiffData IFD="0" PlaneCount="99999999999"/>'),
        ({"t": -1, "z": 1}, "<TiffData/>"),
        ({"t": "many", "z": 1}, "<TiffData/>"),
    ],
)
def test_ome_that_claims_what_cannot_be(tmp_path, sizes, data):
    path = with_description(tmp_path / "movie.tif", XML.format(dtd="", body=PIXELS.format(**sizes, data=data)))
    with pytest.raises(TrackingError, match="damaged: its OME metadata claim"):
        open_movie(path)


def test_ome_that_says_less_than_the_pages(tmp_path):
    body = PIXELS.format(t=12, z=1, data="").replace('SizeX="30"', 'SizeX="31"')
    path = with_description(tmp_path / "movie.tif", XML.format(dtd="", body=body))
    with pytest.raises(TrackingError, match="OME metadata that do not match its pages: give --axes"):
        open_movie(path)
    with open_movie(path, axes="TYX") as movie:
        np.testing.assert_array_equal(movie.frame(11), FRAMES[11])


def test_ome_of_several_positions_is_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "movie.ome.tif", ome=True) as writer:
        for _ in range(2):
            writer.write(FRAMES, metadata={"axes": "TYX"})
    with pytest.raises(TrackingError, match=r"holds 2 images \(positions\)"):
        open_movie(tmp_path / "movie.ome.tif")


def ome_set(folder, name):
    """Two files, the second named in the first's metadata."""
    data = '<TiffData FirstT="0" IFD="0" PlaneCount="12"><UUID FileName="a.ome.tif">urn:uuid:1</UUID></TiffData>'
    data += f'<TiffData FirstT="12" IFD="0" PlaneCount="12"><UUID FileName="{name}">urn:uuid:2</UUID></TiffData>'
    xml = XML.format(dtd="", body=PIXELS.format(t=24, z=1, data=data)).replace("<OME ", '<OME UUID="urn:uuid:1" ')
    folder.mkdir(exist_ok=True)
    with_description(folder / "a.ome.tif", xml)
    with tifffile.TiffWriter(folder / name) as writer:
        for frame in FRAMES[::-1]:
            writer.write(frame, metadata=None)
    return folder / "a.ome.tif"


def test_an_ome_set_of_two_files(tmp_path):
    with open_movie(ome_set(tmp_path, "b.ome.tif")) as movie:
        assert movie.n_frames == 24
        assert movie.files == (tmp_path / "a.ome.tif", tmp_path / "b.ome.tif")
        np.testing.assert_array_equal(movie.frame(3), FRAMES[3])
        np.testing.assert_array_equal(movie.frame(12), FRAMES[11])
        before = movie.fingerprint()
    content = (tmp_path / "b.ome.tif").read_bytes()
    (tmp_path / "b.ome.tif").write_bytes(content + b"\0")
    with open_movie(tmp_path / "a.ome.tif") as movie:
        assert movie.fingerprint() != before


def test_an_ome_set_stays_in_its_folder(tmp_path):
    path = ome_set(tmp_path / "set", "../secret.tif")
    with pytest.raises(
        TrackingError, match=r"refused: its metadata name a file outside of its folder, '../secret.tif'"
    ):
        open_movie(path)


def test_an_ome_set_with_a_missing_file(tmp_path):
    path = ome_set(tmp_path, "b.ome.tif")
    (tmp_path / "b.ome.tif").unlink()
    with pytest.raises(TrackingError, match=r"set, of which `b.ome.tif` is missing"):
        open_movie(path)


def test_a_part_of_an_ome_set_is_refused(tmp_path):
    body = '<BinaryOnly MetadataFile="a.ome.tif" UUID="urn:uuid:1"/>'
    path = with_description(tmp_path / "b.ome.tif", XML.format(dtd="", body=body))
    with pytest.raises(TrackingError, match="one part of an OME-TIFF set without the set's metadata"):
        open_movie(path)


def test_a_header_that_claims_terapixels_takes_no_memory(tmp_path):
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, FRAMES[0], metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as tif:
        for name in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            tif.pages[0].tags[name].overwrite(10**6)
    tracemalloc.start()
    with pytest.raises(TrackingError, match="damaged: its header claims 2000000000000 bytes of pixels"):
        open_movie(path)
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


@pytest.mark.parametrize("shape", ["[1000000000000, 20, 30]", '["a"]'])
def test_a_description_that_claims_what_cannot_be(tmp_path, shape):
    path = with_description(tmp_path / "movie.tif", f'{{"shape": {shape}}}')
    with pytest.raises(TrackingError, match=r"`movie.tif`"):
        open_movie(path)


@pytest.mark.parametrize("layout", ["tifffile", "plain"])
def test_a_movie_of_300_megabytes_is_read_frame_by_frame(tmp_path, layout):
    path = tmp_path / "movie.tif"
    if layout == "tifffile":
        tifffile.memmap(path, shape=(600, 512, 512), dtype=np.uint16).flush()  # sparse
    else:
        with tifffile.TiffWriter(path) as writer:
            for _ in range(600):
                writer.write(np.zeros((512, 512), np.uint16), metadata=None, compression="zlib")
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    with open_movie(path) as movie:
        assert sum(int(movie.frame(index).max()) for index in range(0, 600, 6)) == 0
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20  # a frame has half a megabyte
    tracemalloc.stop()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident < 32 * 1024


def test_a_codec_that_is_not_there_is_named(tmp_path):
    pytest.importorskip("PIL")
    from PIL import Image

    try:
        tifffile.TIFF.DECOMPRESSORS[5]
    except KeyError:
        pass
    else:
        pytest.skip("imagecodecs is there")
    Image.fromarray(FRAMES[0]).save(tmp_path / "movie.tif", compression="tiff_lzw")
    with pytest.raises(TrackingError, match="compressed with LZW, which needs the package imagecodecs"):
        open_movie(tmp_path / "movie.tif")


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_never_gives_another_error(tmp_path, data):
    path = tmp_path / "movie.tif"
    layout = data.draw(st.sampled_from(["plain, compressed", "tifffile", "ImageJ", "OME", "BigTIFF"]))
    WRITERS[layout](path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        # The header and the directories are at the start and the end.
        place = data.draw(st.integers(0, 400) | st.integers(len(content) - 1200, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.just(len(content)) | st.integers(1, len(content)))])
    with suppress(TrackingError), open_movie(path) as movie:
        for index in range(min(movie.n_frames, 20)):
            with suppress(UnreadableFrame):
                movie.frame(index)
