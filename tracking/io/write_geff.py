from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tracking.atomic import atomic_path
from tracking.errors import TrackingError
from tracking.graph import edges_of, particles_from_edges
from tracking.io.plain_columns import plain_column
from tracking.tracks import Tracks

_FILES_OF_A_GEFF = {"nodes", "edges", ".zgroup", ".zattrs", ".zmetadata", "zarr.json"}


def write_geff(path: str | Path, tracks: Tracks) -> None:
    """Write tracks in the Graph Exchange File Format (GEFF 1.3), a Zarr folder of nodes and edges.

    A spot is a node, numbered by its row. Node properties are ``t``, ``z`` if there is one, ``y`` and ``x`` (the axes,
    in frames, slices and pixels, with the factors to seconds and micrometres where they are known), ``particle``, and
    all other columns; missing values are marked. Where the table has standard errors, ``position_covariance`` holds
    them with the covariances as a matrix of shape ``(n, d, d)`` in the order of the axes, in squared pixels. Edges lead
    from each spot to the particle's next one, and from the parents' last spots to the first of their child, with the
    ``probability`` of the link where it is known. Everything is read back exactly, but for the types of integer columns
    with missing values.

    Raises:
        TrackingError: a column has a name that GEFF cannot hold or uses itself, or holds neither numbers nor text; a
            folder that is no GEFF stands there already; or the files cannot be written.

    Source: https://liveimagetrackingtools.org/geff, version 1.3.
    """
    from geff import GeffMetadata
    from geff.core_io import write_arrays
    from geff_spec import Axis  # type: ignore[import-untyped]

    path = Path(path)
    _require_replaceable(path)
    spots, edges = tracks.spots, edges_of(tracks)
    nodes = {"t": _property(path, spots["frame"]), **{axis: _property(path, spots[axis]) for axis in tracks.axes}}
    if (covariance := _covariance(tracks)) is not None:
        nodes["position_covariance"] = covariance
    for name in ("particle", *(name for name in spots.columns if name not in ("frame", "particle", *tracks.axes))):
        _require_name(path, str(name), nodes)
        nodes[str(name)] = _property(path, spots[name])
    links: dict[str, Any] = {}
    if "link_probability" in spots:
        links["probability"] = _property(path, spots["link_probability"].iloc[edges[:, 1]])
    steps = {"t": tracks.frame_interval, "z": tracks.z_step, "y": tracks.pixel_size, "x": tracks.pixel_size}
    axes = [
        Axis(
            name=name,
            type="time" if name == "t" else "space",
            unit="frame" if name == "t" else "pixel",
            scale=steps[name],
            scaled_unit=None if steps[name] is None else "second" if name == "t" else "micrometer",
        )
        for name in ("t", *tracks.axes)
    ]
    # GEFF's tracklets are the longest unbranched stretches; a particle that goes on as its only child is shorter.
    n_longest = len(np.unique(particles_from_edges(len(spots), edges)[0]))
    metadata = GeffMetadata(
        directed=True,
        axes=axes,
        node_props_metadata={},
        edge_props_metadata={},
        track_node_props={"tracklet": "particle"} if n_longest == tracks.n_particles else None,
    )
    with atomic_path(path) as temporary:
        ids = np.arange(len(spots), dtype=np.uint64)
        write_arrays(str(temporary.absolute()), ids, nodes, edges.astype(np.uint64), links, metadata)


def _property(path: Path, column: pd.Series) -> Any:
    values, missing = plain_column(path, column)
    return {"values": values, "missing": missing}


def _covariance(tracks: Tracks) -> Any:
    """The covariance of every position's error, None if the table lacks a standard error."""
    spots, axes = tracks.spots, tracks.axes
    if any(f"{axis}_std" not in spots for axis in axes):
        return None
    matrices = np.zeros((len(spots), len(axes), len(axes)))
    for row, first in enumerate(axes):
        matrices[:, row, row] = np.square(spots[f"{first}_std"])
        for column, second in enumerate(axes[:row]):
            # Axes go z, y, x, and names x before y before z.
            name = f"{first}{second}_cov"
            if name in spots:
                matrices[:, row, column] = matrices[:, column, row] = spots[name]
    missing = np.isnan(matrices).any(axis=(1, 2))
    matrices[missing] = 0
    return {"values": matrices, "missing": missing if missing.any() else None}


def _require_name(path: Path, name: str, taken: dict[str, Any]) -> None:
    """Refuse a column whose name cannot be that of a folder in the file, or is another property's."""
    if name in taken:
        raise TrackingError(f"`{path}`: GEFF keeps the name {name} for itself, rename this column")
    if not name or "/" in name or "\\" in name or name.startswith((".", "__")):
        raise TrackingError(f"`{path}`: GEFF cannot hold a column named {name!r}, rename it")


def _require_replaceable(path: Path) -> None:
    """Refuse to replace a folder that holds anything but a GEFF."""
    if path.is_dir() and (others := sorted({entry.name for entry in path.iterdir()} - _FILES_OF_A_GEFF)):
        raise TrackingError(f"`{path}` is a folder that holds more than a GEFF ({others[0]}), which would be lost")
