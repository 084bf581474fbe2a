from pathlib import Path

import pytest

from tracking.errors import TrackingError
from tracking.io.movie_units import StoredSteps, micrometres, pixel_size_of, seconds


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.35, "micron", 0.35),
        ("0.35", "µm", 0.35),
        (350, "nm", 0.35),
        (0.35e-3, "millimeter", 0.35),
        (2, "\\u00B5m", 2),  # ImageJ writes the sign so
        (1, "pixel", None),
        (1, "", None),
        (72, "inch", None),
        (0, "um", None),
        (-1, "um", None),
        (float("nan"), "um", None),
        ("wide", "um", None),
        (None, "um", None),
    ],
)
def test_lengths(value, unit, expected):
    assert micrometres(value, unit) == expected


@pytest.mark.parametrize(
    ("value", "unit", "expected"), [(0.04, "s", 0.04), (40, "ms", 0.04), (2, "min", 120), (1, "frame", None)]
)
def test_times(value, unit, expected):
    assert seconds(value, unit) == expected


def test_a_ratio_of_whole_numbers_comes_back_as_it_was_meant():
    assert micrometres(4294967295 // 2 / round(4294967295 // 2 / 0.35), "um") == pytest.approx(0.35, rel=1e-8)
    assert micrometres(0.35 * (1 - 1e-12), "um") == 0.35


def test_pixels_must_be_square_within_one_percent():
    path = Path("cells.tif")
    assert pixel_size_of(path, StoredSteps(x=0.1, y=0.1005)) == 0.1
    assert pixel_size_of(path, StoredSteps(y=0.1)) == 0.1
    assert pixel_size_of(path, StoredSteps()) is None
    with pytest.raises(
        TrackingError, match=r"`cells.tif` must have square pixels, .* 0.1 .* 0.12 in y: give --pixel-size"
    ):
        pixel_size_of(path, StoredSteps(x=0.1, y=0.12))
