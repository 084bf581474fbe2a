import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tracking.atomic import atomic_path
from tracking.errors import TrackingError
from tracking.io.plain_columns import plain_column, with_missing
from tracking.io.tracks_from_table import tracks_from_table
from tracking.tracks import Tracks

_UNITS = ("pixel_size", "z_step", "frame_interval")
_FEATURE, _MISSING = "features/", "missing/"


def napari_layer(tracks: Tracks) -> tuple[np.ndarray, dict[str, Any], str]:
    """Tracks as napari takes them: ``viewer.add_layer(napari.layers.Layer.create(*napari_layer(tracks)))``.

    Returns:
        What napari calls LayerData. First the array of shape ``(n, 4)`` with the columns particle, frame, y, x, or
        ``(n, 5)`` with particle, frame, z, y, x, sorted by particle and frame, in pixels, slices and frames. Then the
        options: ``graph``, the parents of each particle that begins by a split or a merge; ``features``, all other
        columns in the same order; ``metadata`` with the units that are known; and where the pixel size (and in three
        dimensions the slice distance) is known, ``scale`` in seconds (frames, if the interval is not known) and
        micrometres. Last ``"tracks"``.
    """
    spots = tracks.spots.sort_values(["particle", "frame"], ignore_index=True)
    positions = ["particle", "frame", *tracks.axes]
    options: dict[str, Any] = {
        "graph": {child: list(of) for child, of in tracks.parents.items()},
        "features": spots.drop(columns=positions),
        "metadata": {name: value for name in _UNITS if (value := getattr(tracks, name)) is not None},
    }
    spatial = [tracks.z_step, tracks.pixel_size, tracks.pixel_size][-len(tracks.axes) :]
    if None not in spatial:
        options["scale"] = (tracks.frame_interval or 1.0, *spatial)
    return spots[positions].to_numpy(np.float64), options, "tracks"


def write_napari_layer(path: str | Path, tracks: Tracks) -> None:
    """Write what `napari_layer` returns as a NumPy ``.npz`` file, which holds everything exactly.

    Its arrays: ``data``; ``graph``, shape ``(m, 2)``, of child and parent; ``pixel_size``, ``z_step`` and
    ``frame_interval`` where they are known; ``features/NAME`` of each other column, and ``missing/NAME`` where it lacks
    values.

    Raises:
        TrackingError: a column holds neither numbers nor text, or the file cannot be written.
    """
    data, options, _ = napari_layer(tracks)
    links = [(child, parent) for child, of in options["graph"].items() for parent in of]
    arrays: dict[str, np.ndarray] = {"data": data, "graph": np.array(links, np.int64).reshape(-1, 2)}
    arrays |= {name: np.array(value) for name, value in options["metadata"].items()}
    for name, column in options["features"].items():
        values, missing = plain_column(path, column)
        arrays[_FEATURE + str(name)] = values
        if missing is not None:
            arrays[_MISSING + str(name)] = missing
    # An open file, as NumPy would add a suffix to the name.
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def read_napari_layer(path: str | Path) -> Tracks:
    """Read tracks from a file that `write_napari_layer` wrote, or any ``.npz`` file with a napari layer's ``data``.

    Raises:
        TrackingError: not such a file, or it is damaged. Pickled objects, which could run a program, are not read.
        OSError: the file cannot be read.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (ValueError, EOFError, KeyError, TypeError, AttributeError, MemoryError, zipfile.BadZipFile) as error:
        raise TrackingError(f"`{path}` is not a napari layer as .npz, or it is damaged: {error}") from error
    data = arrays.get("data", np.empty(0))
    if data.ndim != 2 or data.shape[1] not in (4, 5) or data.dtype.kind not in "iuf":
        raise TrackingError(
            f"`{path}` needs an array data of 4 or 5 columns (particle, frame, z if there is one, y, x), "
            f"got {data.dtype} of shape {data.shape}"
        )
    axes = ("z", "y", "x")[5 - data.shape[1] :]
    columns: dict[str, np.ndarray] = dict(zip(("particle", "frame", *axes), data.T, strict=True))
    for name, values in arrays.items():
        if name.startswith(_FEATURE):
            column = name.removeprefix(_FEATURE)
            missing = arrays.get(_MISSING + column)
            if values.shape != (len(data),) or (missing is not None and missing.shape != values.shape):
                raise TrackingError(f"`{path}` is damaged: {column} needs {len(data)} values, got {values.shape}")
            columns[column] = with_missing(values, missing)
    try:
        parents = _parents(arrays.get("graph", np.empty((0, 2), np.int64)))
        units = {name: float(arrays[name]) if name in arrays else None for name in _UNITS}
    except (ValueError, TypeError) as error:
        raise TrackingError(f"`{path}` is damaged: its graph or units cannot be read") from error
    return tracks_from_table(path, pd.DataFrame(columns), parents, **units)


def _parents(graph: np.ndarray) -> dict[int, tuple[int, ...]]:
    parents: dict[int, tuple[int, ...]] = {}
    for child, parent in graph.astype(np.int64, casting="safe"):
        parents[int(child)] = (*parents.get(int(child), ()), int(parent))
    return parents
