import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tracking.errors import TrackingError
from tracking.graph import edges_of
from tracking.tracks import Tracks

# TrackMate's own features of spots with a dimension of length, which it expects in the unit of the model.
POWER_OF_LENGTH = {
    **dict.fromkeys(("ESTIMATED_DIAMETER", "PERIMETER"), 1),
    **dict.fromkeys(("ELLIPSE_X0", "ELLIPSE_Y0", "ELLIPSE_MAJOR", "ELLIPSE_MINOR"), 1),
    "AREA": 2,
}
DEFAULT_RADIUS = 2.5
LARGEST_INT = 2**31 - 1
# What TrackMate takes for a spot's name or outline, and what is written from other columns.
_TAKEN = {"ID", "name", "ROI_N_POINTS", "VISIBILITY", *(f"POSITION_{axis}" for axis in "XYZT")}


@dataclass(frozen=True)
class TrackMateModel:
    """What is written, in the units of the file: spots in the order of the table, and links as rows of it."""

    frame: np.ndarray
    pixels: tuple[np.ndarray, np.ndarray, np.ndarray]
    links: np.ndarray
    features: Mapping[str, np.ndarray]
    pixel: float
    depth: float
    interval: float
    space_unit: str
    time_unit: str
    quality: np.ndarray
    radius: np.ndarray

    @classmethod
    def of(cls, path: Path, tracks: Tracks) -> "TrackMateModel":
        """The model of these tracks; ``path`` is named in errors.

        Raises:
            TrackingError: a column or a frame cannot be written.
        """
        spots = tracks.spots
        frame = spots["frame"].to_numpy()
        if frame.max(initial=0) >= LARGEST_INT:
            raise TrackingError(f"`{path}`: TrackMate counts frames up to {LARGEST_INT}, got {frame.max()}")
        is_physical = tracks.pixel_size is not None and ("z" not in spots or tracks.z_step is not None)
        pixel = tracks.pixel_size if is_physical and tracks.pixel_size else 1.0
        features = {"PARTICLE": spots["particle"].to_numpy()}
        for column in spots.columns:
            if column not in ("frame", "particle", "x", "y", "z", "quality", "radius"):
                key, values = _feature(path, spots[column])
                features[key] = values * pixel ** POWER_OF_LENGTH[key] if key in POWER_OF_LENGTH else values
        return cls(
            frame=frame,
            pixels=(
                spots["x"].to_numpy(),
                spots["y"].to_numpy(),
                spots["z"].to_numpy() if "z" in spots else np.zeros(len(spots)),
            ),
            links=edges_of(tracks),
            features=features,
            pixel=pixel,
            depth=tracks.z_step if is_physical and tracks.z_step else 1.0,
            interval=tracks.frame_interval or 1.0,
            space_unit="micrometer" if is_physical else "pixel",
            time_unit="second" if tracks.frame_interval else "frame",
            quality=_first_of(spots, {"quality": 1, "signal": 1, "mass": 1}, 1.0, 0.0),
            radius=_first_of(spots, {"radius": 1, "size": len(tracks.axes) ** 0.5}, DEFAULT_RADIUS, DEFAULT_RADIUS),
        )

    def positions(self) -> np.ndarray:
        """x, y and z in the unit of the file, shape ``(n, 3)``."""
        return np.stack([self.pixels[0] * self.pixel, self.pixels[1] * self.pixel, self.pixels[2] * self.depth], axis=1)


def _feature(path: Path, column: pd.Series) -> tuple[str, np.ndarray]:
    """Key and values of a column as a feature of spots."""
    name = str(column.name)
    key = name.swapcase() if name.isupper() or name.islower() else name
    if key in _TAKEN or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", key) or key.lower().startswith("xml"):
        raise TrackingError(f"`{path}`: a TrackMate file cannot hold a column named {name!r}, rename it")
    if pd.api.types.is_bool_dtype(column) and not column.hasnans:
        return key, column.to_numpy(np.int64)
    if not pd.api.types.is_numeric_dtype(column):
        raise TrackingError(
            f"`{path}`: a TrackMate file holds numbers alone, but column {name} is {column.dtype}; "
            "leave it out, or write csv, parquet, napari or geff"
        )
    if pd.api.types.is_integer_dtype(column) and not column.hasnans:
        return key, column.to_numpy(np.int64)
    return key, column.to_numpy(np.float64, na_value=np.nan)


def _first_of(spots: pd.DataFrame, factors: Mapping[str, float], absent: float, missing: float) -> np.ndarray:
    """The first of these columns that there is, times its factor."""
    for name, factor in factors.items():
        if name in spots and pd.api.types.is_numeric_dtype(spots[name]):
            values = spots[name].to_numpy(np.float64, na_value=np.nan)
            return np.where(np.isnan(values), missing, values * factor)
    return np.full(len(spots), absent)


def attributes(columns: Mapping[str, np.ndarray]) -> list[str]:
    """The rows of a table as attributes of elements; a missing value is left out."""
    return ["".join(row) for row in zip(*(_attribute(name, values) for name, values in columns.items()), strict=True)]


def _attribute(name: str, values: np.ndarray) -> list[str]:
    if values.dtype.kind != "f":
        return [f' {name}="{value}"' for value in values.tolist()]
    if np.isfinite(values).all():
        return [f' {name}="{value!r}"' for value in values.tolist()]
    # As Java writes and reads them.
    java = {np.inf: "Infinity", -np.inf: "-Infinity"}
    return ["" if value != value else f' {name}="{java.get(value, repr(value))}"' for value in values.tolist()]
