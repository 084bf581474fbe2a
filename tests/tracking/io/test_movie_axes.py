import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.io.movie_axes import StoredAxes, require_axes_option, resolve_axes

PATH = Path("folder/cells.tif")
layouts = st.sampled_from([order for n in range(5, 6) for order in itertools.permutations("TCZYX", n)])


def resolve(letters, shape, axes=None, channel=None, names=()):
    return resolve_axes(PATH, StoredAxes(letters, shape, names), axes, channel)


@given(layouts, st.lists(st.integers(1, 3), min_size=5, max_size=5), st.data())
def test_any_order_of_axes_gives_the_frame_that_naming_each_axis_gives(letters, shape, data):
    stored = np.arange(np.prod(shape)).reshape(shape)
    sizes = dict(zip(letters, shape, strict=True))
    channel = data.draw(st.integers(0, sizes["C"] - 1))
    frame = data.draw(st.integers(0, sizes["T"] - 1))
    axes = resolve("".join(letters), tuple(shape), "".join(letters), channel)
    expected = np.einsum(stored, [*map("TCZYX".index, letters)], [0, 1, 2, 3, 4])[frame, channel]
    expected = expected if sizes["Z"] > 1 else expected[0]
    assert axes.n_frames == sizes["T"]
    assert axes.frame_shape == expected.shape
    np.testing.assert_array_equal(axes.frame_of(stored[axes.index(frame)]), expected)


@pytest.mark.parametrize(
    ("letters", "shape", "n_frames", "frame_shape"),
    [
        ("TYX", (5, 6, 7), 5, (6, 7)),
        ("TZCYXS", (5, 1, 1, 6, 7, 1), 5, (6, 7)),  # ImageJ, all axes
        ("TZYX", (5, 4, 6, 7), 5, (4, 6, 7)),
        ("QYX", (5, 6, 7), 5, (6, 7)),  # nothing said: time
        ("IZYX", (5, 4, 6, 7), 5, (4, 6, 7)),
        ("YX", (6, 7), 1, (6, 7)),
        ("TYX", (5, 1, 7), 5, (1, 7)),
    ],
)
def test_axes_by_metadata(letters, shape, n_frames, frame_shape):
    axes = resolve(letters, shape)
    assert (axes.n_frames, axes.frame_shape) == (n_frames, frame_shape)


@pytest.mark.parametrize(
    ("letters", "shape", "message"),
    [
        ("TZCYXS", (1, 5, 1, 6, 7, 1), "holds 5 slices .* give --axes TYX if they are time .* or --axes ZYX"),
        ("CZYX", (2, 5, 6, 7), "give --axes CTYX .* or --axes CZYX"),
        ("QQYX", (5, 4, 6, 7), r"shape \(5, 4, 6, 7\) .* give --axes, such as TZYX"),
        ("TQYX", (5, 4, 6, 7), "does not say which axis is which"),
        ("QVRYX", (5, 4, 3, 6, 7), "such as TZCYX"),
        ("TYX", (0, 6, 7), "holds no pixels"),
        ("TYX", (5, 6, 0), "holds no pixels"),
        ("TCYXS", (5, 2, 6, 7, 3), "channels in colour"),
    ],
)
def test_axes_that_cannot_be_told_are_refused_with_the_option_to_give(letters, shape, message):
    with pytest.raises(TrackingError, match=message) as refused:
        resolve(letters, shape)
    assert str(refused.value).startswith("`cells.tif` ")


@pytest.mark.parametrize(
    ("letters", "shape", "axes", "n_frames", "frame_shape"),
    [
        ("ZYX", (5, 6, 7), "TYX", 5, (6, 7)),  # time stored as Z
        ("TZCYXS", (1, 5, 1, 6, 7, 1), "TYX", 5, (6, 7)),
        ("TZCYXS", (1, 5, 1, 6, 7, 1), "ZYX", 1, (5, 6, 7)),
        ("QQYX", (5, 4, 6, 7), "TZYX", 5, (4, 6, 7)),
        ("QQYX", (5, 4, 6, 7), "ZTYX", 4, (5, 6, 7)),
        ("QYX", (5, 6, 7), "YXT", 7, (5, 6)),
        ("TZYX", (5, 1, 6, 7), "TZYX", 5, (6, 7)),  # with the axis of size one
        ("ZYXS", (5, 6, 7, 3), "TYX", 5, (6, 7)),  # colours may be left out
    ],
)
def test_the_users_axes_win(letters, shape, axes, n_frames, frame_shape):
    found = resolve(letters, shape, axes, channel=0)
    assert (found.n_frames, found.frame_shape) == (n_frames, frame_shape)


def test_the_users_axes_must_fit():
    with pytest.raises(
        TrackingError, match=r"each of the 3 axes of `cells.tif`, whose shape is \(5, 6, 7\), got 'TZYX'"
    ):
        resolve("TYX", (5, 6, 7), "TZYX")


@pytest.mark.parametrize("axes", ["", "TXX", "TZ", "TYXQ", "IYX", "TYXS", "T Y X"])
def test_the_option_must_name_known_axes_once(axes):
    with pytest.raises(TrackingError, match="--axes must name every axis once"):
        require_axes_option(axes)


def test_small_letters_will_do():
    assert require_axes_option("tzyx") == "TZYX"


def test_one_of_several_channels_must_be_chosen():
    with pytest.raises(TrackingError, match=r"3 channels, .* give --channel, one of 0 \(DAPI\), 1 \(GFP\), 2"):
        resolve("TCYX", (5, 3, 6, 7), names=("DAPI", "GFP"))


@pytest.mark.parametrize(
    ("given", "channel"),
    [(1, 1), ("1", 1), ("gfp", 1), ("488", 2), ("0", 0)],
)
def test_a_channel_has_a_number_and_may_have_a_name(given, channel):
    assert resolve("TCYX", (5, 3, 6, 7), channel=given, names=("DAPI", "GFP", "488")).channel == channel


@pytest.mark.parametrize("given", [3, -1, "3", "RFP", "", "1.0", "²"])
def test_a_channel_that_is_not_there(given):
    with pytest.raises(
        TrackingError, match=r"--channel must be one of 0 \(DAPI\), 1 \(GFP\), 2 \(488\) for `cells.tif`"
    ):
        resolve("TCYX", (5, 3, 6, 7), channel=given, names=("DAPI", "GFP", "488"))


def test_a_single_channel_may_be_chosen_too():
    assert resolve("TYX", (5, 6, 7), channel=0).channel == 0
    with pytest.raises(TrackingError, match="--channel must be one of 0 for"):
        resolve("TYX", (5, 6, 7), channel=1)


def test_a_colour_picture_may_be_frames():
    for letters, shape in (("SYX", (3, 6, 7)), ("QSYX", (1, 4, 6, 7))):
        with pytest.raises(TrackingError, match=r"in colour, .*, or --axes TYX if these are frames$"):
            resolve(letters, shape)
    assert resolve("SYX", (3, 6, 7), axes="TYX").n_frames == 3
    with pytest.raises(TrackingError, match=r"was saved as colour$"):
        resolve("QYXS", (5, 6, 7, 3))


def test_colour_is_refused_unless_one_is_chosen():
    with pytest.raises(TrackingError, match=r"in colour, .* 0 \(red\), 1 \(green\), 2 \(blue\); --channel 0 is all"):
        resolve("QYXS", (5, 6, 7, 3))
    green = resolve("QYXS", (5, 6, 7, 3), channel="green")
    assert (green.n_frames, green.frame_shape, green.index(4)) == (5, (6, 7), (4, slice(None), slice(None), 1))
