import math
from dataclasses import dataclass
from pathlib import Path

from tracking.errors import TrackingError
from tracking.io import physical_units

_MOST_ANISOTROPY = 0.01


@dataclass(frozen=True)
class StoredSteps:
    """What a file says of the distances between its pixels and frames; None where it says nothing.

    Attributes:
        x: Micrometres per column.
        y: Micrometres per row.
        z: Micrometres per slice.
        t: Seconds per frame.
    """

    x: float | None = None
    y: float | None = None
    z: float | None = None
    t: float | None = None


def micrometres(value: object, unit: object) -> float | None:
    """A length in micrometres; None unless it is a positive number with a unit of length.

    Inches do not count: they come from the resolution at which a picture would be printed.
    """
    name = str(unit).replace("\\u00B5", "µ").replace("\\u00b5", "µ")  # as ImageJ escapes it
    return None if name.lower().startswith("inch") else _converted(value, physical_units.micrometres(name))


def seconds(value: object, unit: object) -> float | None:
    """A time in seconds; None unless it is a positive number with a unit of time."""
    return _converted(value, physical_units.seconds(str(unit)))


def pixel_size_of(path: Path, steps: StoredSteps) -> float | None:
    """Micrometres per pixel, which must be the same in x and y.

    Raises:
        TrackingError: They differ by more than 1 %.
    """
    if steps.x is None or steps.y is None:
        return steps.x or steps.y
    if abs(steps.x - steps.y) > _MOST_ANISOTROPY * max(steps.x, steps.y):
        raise TrackingError(
            f"`{path.name}` must have square pixels, but says {steps.x:g} micrometres in x and {steps.y:g} in y: give"
            " --pixel-size if that is wrong, or resample the movie"
        )
    return steps.x


def _converted(value: object, factor: float | None) -> float | None:
    if factor is None or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    # Nine digits: TIFF stores a ratio of two 32-bit numbers, and 0.35 should not come back as 0.34999999994.
    return float(f"{number * factor:.9g}") if math.isfinite(number) and number > 0 else None
