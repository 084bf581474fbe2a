import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tracking.errors import TrackingError

# Columns of `Tracks.spots` that have a meaning of their own, beside frame, particle, x, y and z. Any may be absent.
OPTIONAL_COLUMNS = {
    "virtual": "True where the particle was not detected and its position is interpolated or predicted",
    "mass": "integrated intensity above the background",
    "size": "standard deviation of the spot in pixels",
    "ecc": "eccentricity, 0 for a circle",
    "signal": "height of the spot's peak above the background",
    "raw_mass": "integrated intensity, background and all",
    "ep": "standard error of the position in pixels, one number for all axes",
    "background": "intensity round the spot",
    "snr": "signal over the noise at the peak",
    "x_std": "standard error of x in pixels",
    "y_std": "standard error of y in pixels",
    "z_std": "standard error of z in slices",
    "xy_cov": "covariance of the errors of x and y",
    "xz_cov": "covariance of the errors of x and z",
    "yz_cov": "covariance of the errors of y and z",
    "link_probability": "probability of the link that leads to this spot, where it is virtual of that across the gap; "
    "absent for the first of a particle",
    "track_probability": "probability that the particle is one",
}


# No image is wider, and squares of larger numbers lose what tells one place from the next, or overflow.
LARGEST_COORDINATE = 1e9


@dataclass(frozen=True, eq=False)
class Tracks:
    """Particles over time.

    Build one with `Tracks.create`, which checks and sorts.

    Attributes:
        spots: One row a spot, sorted by frame and then particle, indexed 0 to n - 1. ``frame`` and ``particle`` are
            int64, ``x``, ``y`` and, in three dimensions, ``z`` are float64: x and y in pixels (x is the column), z in
            slices, 0 being the centre of the first. Other columns are those of `OPTIONAL_COLUMNS` or pass through.
        parents: The particles from which a particle comes by a split or a merge. A particle is one unbranched stretch:
            where it splits it ends and two begin that name it as their parent; where two merge both end, and the
            particle that begins names both.
        pixel_size: Micrometres per pixel, in x and y alike; None if unknown.
        z_step: Micrometres per slice; None if unknown.
        frame_interval: Seconds per frame; None if unknown.
    """

    spots: pd.DataFrame
    parents: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    pixel_size: float | None = None
    z_step: float | None = None
    frame_interval: float | None = None

    def __post_init__(self) -> None:
        """Refuse units that are none.

        Raises:
            TrackingError: A size or the interval is not positive.
        """
        for name in ("pixel_size", "z_step", "frame_interval"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise TrackingError(f"{name} must be a positive number, got {value}")

    @classmethod
    def create(
        cls,
        spots: pd.DataFrame,
        parents: Mapping[int, tuple[int, ...]] | None = None,
        *,
        pixel_size: float | None = None,
        z_step: float | None = None,
        frame_interval: float | None = None,
    ) -> "Tracks":
        """Tracks of a table, sorted, with exact column types.

        Raises:
            TrackingError: A column is missing, a value is not finite or not whole, a position is beyond 1e9, a frame or
                particle is negative, a particle is in two places in one frame, a parent is unknown, named twice or
                lives on when its child begins, or a unit is not a positive number.
        """
        table = _typed(spots).sort_values(["frame", "particle"], kind="stable", ignore_index=True)
        # They are neighbours now; pandas' own way takes several times the table's memory.
        twice = np.zeros(len(table), bool)
        twice[1:] = (np.diff(table["frame"]) == 0) & (np.diff(table["particle"]) == 0)
        if twice.any():
            particle, frame = table.loc[twice, ["particle", "frame"]].to_numpy()[0]
            raise TrackingError(f"particle {particle} is in two places in frame {frame}")
        parents = {int(child): tuple(map(int, of)) for child, of in (parents or {}).items() if len(of)}
        _require_sound_parents(table, parents)
        return cls(table, parents, pixel_size, z_step, frame_interval)

    @classmethod
    def empty(cls, is_3d: bool = False) -> "Tracks":
        """No particles."""
        axes = ("x", "y", "z") if is_3d else ("x", "y")
        return cls.create(pd.DataFrame({name: np.empty(0) for name in ("frame", "particle", *axes)}))

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the position's columns in the order of a frame's axes: ``("y", "x")`` or ``("z", "y", "x")``."""
        return ("z", "y", "x") if "z" in self.spots else ("y", "x")

    @property
    def n_particles(self) -> int:
        """How many particles there are."""
        return int(self.spots["particle"].nunique())

    def positions(self) -> np.ndarray:
        """Positions in the order of a frame's axes, shape ``(n, 2)`` (y, x) or ``(n, 3)`` (z, y, x)."""
        return self.spots[list(self.axes)].to_numpy(np.float64)

    def with_spots(self, spots: pd.DataFrame) -> "Tracks":
        """The same parents and units with another table."""
        units: dict[str, Any] = {name: getattr(self, name) for name in ("pixel_size", "z_step", "frame_interval")}
        return Tracks.create(spots, self.parents, **units)


def _typed(spots: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in ("frame", "particle", "x", "y") if name not in spots]
    if missing:
        raise TrackingError(f"tracks need the columns frame, particle, x and y, but {', '.join(missing)} is missing")
    table = spots.copy()
    for name in ("frame", "particle", *(axis for axis in ("x", "y", "z") if axis in spots)):
        try:
            values = spots[name].to_numpy(np.float64)
        except (TypeError, ValueError) as error:
            raise TrackingError(f"column {name} must hold numbers ({error})") from error
        if not np.isfinite(values).all():
            raise TrackingError(f"column {name} must be finite, but row {int(np.argmin(np.isfinite(values)))} is not")
        if name in ("frame", "particle"):
            # Above 2^53 a float no longer tells one whole number from the next.
            if (values != np.floor(values)).any() or (values < 0).any() or (values >= 2**53).any():
                raise TrackingError(f"column {name} must hold whole numbers from 0")
            table[name] = values.astype(np.int64)
        else:
            if (is_far := np.abs(values) > LARGEST_COORDINATE).any():
                raise TrackingError(
                    f"column {name} must be within {LARGEST_COORDINATE:g} of 0, but row {int(np.argmax(is_far))} has "
                    f"{values[is_far][0]:g}"
                )
            table[name] = values
    if "virtual" in table:
        # A missing value would become True, and so would the text "False".
        if not table["virtual"].isin([True, False]).all():
            raise TrackingError("column virtual must hold True or False")
        table["virtual"] = table["virtual"].astype(bool)
    return table


def _require_sound_parents(table: pd.DataFrame, parents: Mapping[int, tuple[int, ...]]) -> None:
    if not parents:
        return
    frames = table.groupby("particle")["frame"]
    first: dict[Any, int] = frames.min().to_dict()
    last: dict[Any, int] = frames.max().to_dict()
    for child, of in parents.items():
        if len(set(of)) != len(of):
            raise TrackingError(f"particle {child} names one of its parents twice")
        for parent in of:
            if child not in first or parent not in first:
                raise TrackingError(f"particle {child} comes from particle {parent}, but one of them has no spot")
            if last[parent] >= first[child]:
                raise TrackingError(f"particle {child} begins before its parent {parent} has ended")
