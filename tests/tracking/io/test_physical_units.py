import pytest

from tracking.io.physical_units import micrometres, seconds


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("micron", 1),
        ("µm", 1),
        ("\u03bcm", 1),
        (" Micrometer ", 1),
        ("nm", 1e-3),
        ("mm", 1e3),
        ("pixel", None),
        (None, None),
    ],
)
def test_lengths(unit, factor):
    assert micrometres(unit) == factor


@pytest.mark.parametrize(
    ("unit", "factor"), [("sec", 1), ("s", 1), ("ms", 1e-3), ("min", 60), ("Hours", 3600), ("frame", None), ("", None)]
)
def test_times(unit, factor):
    assert seconds(unit) == factor
