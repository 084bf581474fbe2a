import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from tracking.errors import TrackingError
from tracking.io.movie_axes import StoredAxes
from tracking.io.movie_units import StoredSteps, micrometres, seconds
from tracking.io.safe_zarr import require_plain_files, require_safe_arrays

_METADATA = ("zarr.json", ".zattrs", ".zgroup", ".zarray")
# Chunks of several frames are decoded once and kept, if they are no larger.
_MOST_KEPT = 2**28


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr group or array."""
    return any((path / name).is_file() for name in _METADATA)


class ZarrSource:
    """The full resolution of an OME-Zarr (0.1 to 0.5), or a Zarr array without metadata, read one frame at a time."""

    def __init__(self, path: Path):
        import zarr

        stored = require_plain_files(path)
        try:
            node = zarr.open(path, mode="r")
        except Exception as error:  # zarr's own, json's, and what damaged metadata lead to
            raise TrackingError(f"`{path.name}` is not a Zarr folder, or its metadata are damaged ({error})") from error
        folder = path
        if isinstance(node, zarr.Group):
            image, folder = _only_image(path, node)
            array, self.axes, self.steps, folder = _level_0(path, folder, image)
        else:
            array, self.steps = node, StoredSteps()
            self.axes = StoredAxes("QRVHE"[: max(array.ndim - 2, 0)] + "YX"[: array.ndim], tuple(array.shape))
            if array.ndim < 2:
                raise TrackingError(f"`{path.name}` must be an array of at least 3 axes, got the shape {array.shape}")
        require_safe_arrays(path, [array], stored)
        self._array = array
        self.dtype = np.dtype(array.dtype)
        if math.prod(array.chunks) * self.dtype.itemsize > 2**32:
            raise TrackingError(f"`{path.name}` must have chunks of at most 4 GiB, got the chunk shape {array.chunks}")
        folders = dict.fromkeys([path, *reversed([p for p in folder.parents if path in p.parents]), folder])
        self.files = tuple(p / name for p in folders for name in _METADATA if (p / name).is_file())
        # Chunks lie in the array's folder, and from Zarr 3 on in one named c in it.
        self.folders = tuple(p for p in (folder, folder / "c") if p.is_dir())
        self._kept: tuple[tuple[object, ...], int, np.ndarray] | None = None

    def read(self, index: tuple[int | slice, ...]) -> np.ndarray:
        """Part of the array; see `tracking.io.movie.PixelSource`."""
        time = self._time_axis()
        if time is None or not isinstance(frame := index[time], int):
            return np.asarray(self._array[index])
        length = self._array.chunks[time]
        start = frame - frame % length
        others = tuple(str(entry) for axis, entry in enumerate(index) if axis != time)
        if self._kept is None or self._kept[:2] != (others, start):
            several = tuple(
                slice(start, start + length)
                if axis == time
                else slice(entry, entry + 1)
                if isinstance(entry, int)
                else entry
                for axis, entry in enumerate(index)
            )
            self._kept = others, start, np.asarray(self._array[several])
        inner = tuple(
            frame - start if axis == time else 0 if isinstance(entry, int) else entry
            for axis, entry in enumerate(index)
        )
        return np.asarray(self._kept[2][inner])

    def _time_axis(self) -> int | None:
        """The first axis, if a chunk holds several of its entries and few enough of them to be kept."""
        chunks = self._array.chunks
        if not chunks or chunks[0] == 1:
            return None
        size = chunks[0] * math.prod(self._array.shape[1:]) * self.dtype.itemsize
        return 0 if size <= _MOST_KEPT else None

    def close(self) -> None:
        """Nothing is kept open."""


def _only_image(path: Path, group: Any) -> tuple[Any, Path]:
    """The group of the image: this one, or the only series of what bioformats2raw writes."""
    attributes = _ome(group)
    if "plate" in attributes:
        raise TrackingError(f"`{path.name}` is a plate of many wells: give the path of one image in it")
    if "bioformats2raw.layout" in attributes and "multiscales" not in attributes:
        images = sorted(entry.name for entry in path.iterdir() if entry.is_dir() and entry.name.isdigit())
        if len(images) != 1:
            raise TrackingError(
                f"`{path.name}` holds {len(images)} images, {', '.join(images[:8])}: give the path of one of them"
            )
        return group[images[0]], path / images[0]
    return group, path


def _ome(group: Any) -> Mapping[str, Any]:
    attributes = group.attrs.asdict()
    inner = attributes.get("ome")
    return inner if isinstance(inner, Mapping) else attributes


def _level_0(path: Path, folder: Path, group: Any) -> tuple[Any, StoredAxes, StoredSteps, Path]:
    import zarr

    attributes = _ome(group)
    try:
        multiscale = attributes["multiscales"][0]
        level = multiscale["datasets"][0]
        inside = str(level["path"])
    except (KeyError, IndexError, TypeError) as error:
        raise TrackingError(f"`{path.name}` is a Zarr group without an image: its OME metadata name none") from error
    if inside.startswith("/") or "\\" in inside or ".." in PurePosixPath(inside).parts:
        raise TrackingError(
            f"`{path.name}` is refused: its metadata name an array outside of its folder, {inside[:80]!r}"
        )
    try:
        array = group[inside]
    except Exception as error:
        raise TrackingError(
            f"`{path.name}` is damaged: its array `{inside[:80]}` cannot be opened ({error})"
        ) from error
    if not isinstance(array, zarr.Array):
        raise TrackingError(f"`{path.name}` is damaged: `{inside[:80]}` in it is no array")
    try:
        letters, units = _axes(multiscale.get("axes"), array.ndim)
        scale = np.prod([_scale(level, array.ndim), _scale(multiscale, array.ndim)], axis=0)
        names = tuple(str(channel.get("label", "")) for channel in attributes.get("omero", {}).get("channels", ()))
    except (AttributeError, TypeError, ValueError) as error:
        raise TrackingError(f"`{path.name}` is damaged: its OME metadata do not fit its array ({error})") from error
    found = {
        letter.lower(): (seconds if letter == "T" else micrometres)(float(step), unit)
        for letter, unit, step in zip(letters, units, scale, strict=True)
        if letter in "TZYX"
    }
    return array, StoredAxes(letters, tuple(array.shape), names), StoredSteps(**found), folder / inside


def _axes(axes: Sequence[Any] | None, n_axes: int) -> tuple[str, list[str]]:
    """Letters and units of the axes; before version 0.4 they had no units, and before 0.3 they were fixed."""
    if axes is None:
        axes = "tczyx"[:n_axes]
    names = [axis["name"] if isinstance(axis, Mapping) else axis for axis in axes]
    units = [str(axis.get("unit", "")) if isinstance(axis, Mapping) else "" for axis in axes]
    if len(names) != n_axes:
        raise ValueError(f"{len(names)} axes are named, the array has {n_axes}")
    letters = "".join(str(name)[:1].upper() if str(name).upper() in "TCZYX" else "?" for name in names)
    if not {"Y", "X"} <= set(letters):
        raise ValueError("no axes x and y are named")
    return letters, units


def _scale(holder: Mapping[str, Any], n_axes: int) -> np.ndarray:
    for transform in holder.get("coordinateTransformations") or ():
        if transform.get("type") == "scale" and "scale" in transform:
            scale = np.array(transform["scale"], float)
            if scale.shape != (n_axes,):
                raise ValueError(f"a scale must have {n_axes} numbers, got {scale.shape}")
            return scale
    return np.ones(n_axes)
