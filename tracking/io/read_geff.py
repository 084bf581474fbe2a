import re
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tracking.errors import TrackingError
from tracking.io.labelled_particles import forward, labelled_particles
from tracking.io.physical_units import micrometres, seconds
from tracking.io.plain_columns import with_missing
from tracking.io.safe_zarr import require_plain_files, require_safe_arrays
from tracking.io.tracks_from_table import tracks_from_table
from tracking.tracks import Tracks

if TYPE_CHECKING:
    from geff_spec import Axis, DisplayHint, GeffMetadata  # type: ignore[import-untyped]

_COVARIANCE = "position_covariance"


def read_geff(path: str | Path) -> Tracks:
    """Read tracks from a GEFF, the Graph Exchange File Format.

    Time must be in whole frames. Positions count as pixels, and the factors of the axes give pixel size, slice distance
    and frame interval; where positions are in a unit of length and no factor is named, a pixel stands for one such
    unit, so that distances are right. Without axes, properties named t, z, y and x are taken.

    The property declared as tracklet, or ``particle``, numbers the particles if it fits the edges; otherwise they are
    numbered anew, and spots without edges are particles of their own. Edges may be undirected, as time tells their
    direction. Without columns for them, a ``position_covariance`` gives the standard errors and covariances, and the
    edges' ``probability`` the ``link_probability`` of the spots they lead to (the smallest where particles merge).

    Left out are properties that are matrices or of varying length, such as outlines, other properties of edges, and all
    that lies beside nodes and edges.

    Raises:
        TrackingError: not a GEFF, damaged or hostile (links to other files, codecs that could run a program, arrays far
            larger than what is stored), times that are not whole frames, pixels that are not square, or edges that
            cannot be those of particles.
        OSError: it cannot be read.

    Source: https://liveimagetrackingtools.org/geff, version 1.3.
    """
    path = Path(path)
    stored = _load(path)
    metadata: GeffMetadata = stored["metadata"]
    ids, edges = stored["node_ids"], stored["edge_ids"]
    matrices = stored["node_props"].pop(_COVARIANCE, None)
    nodes = {name: with_missing(item["values"], item["missing"]) for name, item in stored["node_props"].items()}
    axes, units = _axes(path, metadata, nodes)
    columns = {axis: nodes.pop(name) for axis, name in axes.items()}
    frame = columns["frame"]
    if frame.dtype.kind not in "iuf" or not (frame == np.floor(frame)).all():
        raise TrackingError(f"`{path}`: its times ({axes['frame']}) must be whole frame numbers")
    label = nodes.pop((metadata.track_node_props or {}).get("tracklet", "particle"), None)
    if clash := sorted(nodes.keys() & {*columns, "particle"}):
        raise TrackingError(f"`{path}`: its property {clash[0]} is neither an axis nor the tracklet, rename it")
    probability = stored["edge_props"].get("probability")
    try:
        links = forward(frame, _rows_of_ids(ids, edges))
        if not metadata.directed:
            links, kept = np.unique(links, axis=0, return_index=True)
            probability = probability and {key: None if it is None else it[kept] for key, it in probability.items()}
        columns["particle"], parents = labelled_particles(frame, links, _whole(label))
    except TrackingError as error:
        raise TrackingError(f"`{path}`: {error}") from error
    if matrices is not None and not {"x_std", "y_std", "z_std"} & nodes.keys():
        nodes |= _errors_of_position(matrices, [axis for axis in axes if axis != "frame"])
    if probability is not None and "link_probability" not in nodes:
        nodes["link_probability"] = _probability_of_spots(len(frame), links, probability)
    return tracks_from_table(path, pd.DataFrame({**columns, **nodes}), parents, **units)


def _load(path: Path) -> Any:
    """Nodes, edges and those properties that tracks can hold, as the library reads them."""
    from geff import GeffReader
    from zarr.storage import LocalStore

    if not (path / "nodes").is_dir():
        raise TrackingError(f"`{path}` is not a GEFF, or it is damaged: it holds no folder `nodes`")
    size = sum(require_plain_files(folder) for folder in (path / "nodes", path / "edges"))
    try:
        # A store, as the library would look for a name such as http://... on the network.
        reader = GeffReader(LocalStore(path))
        described = reader.metadata.node_props_metadata
        reader.read_node_props([name for name, about in described.items() if not about.varlength])
        for name, item in [*reader.node_props.items()]:
            if item["values"].ndim != 1 and name != _COVARIANCE:
                del reader.node_props[name]
        reader.read_edge_props([name for name in reader.edge_prop_names if name == "probability"])
    except Exception as error:  # the library, zarr and pydantic each have their own
        raise TrackingError(f"`{path}` is not a GEFF, or it is damaged: {_first_line(error)}") from error
    properties = (*reader.node_props.values(), *reader.edge_props.values())
    arrays = [array for item in properties for array in item.values()]
    require_safe_arrays(path, [reader.nodes, reader.edges, *arrays], size)
    try:
        return reader.build()
    except Exception as error:
        raise TrackingError(f"`{path}` is damaged: {_first_line(error)}") from error


def _axes(
    path: Path, metadata: "GeffMetadata", nodes: Mapping[str, np.ndarray]
) -> tuple[dict[str, str], dict[str, Any]]:
    """The properties that hold frame and position, the position in the file's order of axes, and the units."""
    if metadata.axes is None:
        if not {"t", "y", "x"} <= nodes.keys():
            raise TrackingError(f"`{path}` needs axes of time and space, or properties named t, y and x")
        return {"frame": "t"} | {axis: axis for axis in ("z", "y", "x") if axis in nodes}, {}
    times = [axis for axis in metadata.axes if axis.type == "time" or (axis.type is None and axis.name == "t")]
    space = [axis for axis in metadata.axes if axis.type == "space" or (axis.type is None and axis.name in "zyx")]
    if len(times) != 1 or len(space) not in (2, 3):
        raise TrackingError(
            f"`{path}` needs one axis of time and two or three of space, got {len(times)} and {len(space)}"
        )
    names = _names_of_axes([axis.name for axis in space], metadata.display_hints)
    steps = {name: _step(axis, micrometres) for name, axis in zip(names, space, strict=True)}
    pixel_size, height = steps["x"], steps["y"]
    if pixel_size != height and not (pixel_size and height and np.isclose(pixel_size, height, rtol=1e-6, atol=0)):
        raise TrackingError(f"`{path}`: pixels must be square, got {pixel_size} micrometres in x and {height} in y")
    units = {"pixel_size": pixel_size, "z_step": steps.get("z"), "frame_interval": _step(times[0], seconds)}
    return {"frame": times[0].name} | {name: axis.name for name, axis in zip(names, space, strict=True)}, units


def _names_of_axes(properties: list[str], hints: "DisplayHint | None") -> list[str]:
    """Which of z, y and x each axis of space is: by name, else as it is to be displayed, else x last as in images."""
    names = ["z", "y", "x"][-len(properties) :]
    by_name = [(re.findall(r"(?:^|[_ .-])([xyz])$", name.lower()) or [""])[0] for name in properties]
    if sorted(by_name) == sorted(names):
        return by_name
    if hints is not None:
        shown = {hints.display_depth: "z", hints.display_vertical: "y", hints.display_horizontal: "x"}
        by_hint = [shown.get(name, "") for name in properties]
        if sorted(by_hint) == sorted(names):
            return by_hint
    return names


def _step(axis: "Axis", unit_factor: Callable[[str | None], float | None]) -> float | None:
    """Micrometres or seconds between two whole numbers on the axis, None if the file does not say."""
    factor = unit_factor(axis.unit if axis.scale is None else axis.scaled_unit)
    return None if factor is None else factor * (1.0 if axis.scale is None else axis.scale)


def _rows_of_ids(ids: np.ndarray, edges: np.ndarray) -> np.ndarray:
    order = np.argsort(ids)
    if (np.diff(ids[order]) == 0).any():
        raise TrackingError("two nodes have one number")
    place = np.searchsorted(ids[order], edges)
    known = place < len(ids)
    if not known.all() or (ids[order[place]] != edges).any():
        raise TrackingError("an edge names a node that is not there")
    rows: np.ndarray = order[place]
    return rows.reshape(-1, 2)


def _whole(label: np.ndarray | None) -> np.ndarray | None:
    return None if label is None or label.dtype.kind not in "iu" else label.astype(np.int64)


def _errors_of_position(covariance: Any, axes: list[str]) -> dict[str, np.ndarray]:
    """Columns of a matrix property of shape ``(n, d, d)`` in the order of ``axes``; none if it has another shape."""
    values, missing = covariance["values"], covariance["missing"]
    if values.shape[1:] != (len(axes), len(axes)) or values.dtype.kind != "f":
        return {}
    values = values.copy()
    if missing is not None:
        values[missing] = np.nan
    columns = {}
    for axis in sorted(axes):
        variance = values[:, axes.index(axis), axes.index(axis)]
        columns[f"{axis}_std"] = np.sqrt(np.where(variance >= 0, variance, np.nan))
    for first, second in combinations(sorted(axes), 2):
        columns[f"{first}{second}_cov"] = values[:, axes.index(first), axes.index(second)]
    return columns


def _probability_of_spots(n_spots: int, links: np.ndarray, probability: Any) -> np.ndarray:
    values = np.asarray(with_missing(probability["values"], probability["missing"]), np.float64)
    lowest = np.full(n_spots, np.nan)
    np.fmin.at(lowest, links[:, 1], values)
    return lowest


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
