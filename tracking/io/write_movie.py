import math
import tempfile
from collections.abc import Iterable, Iterator, Sized
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np

from tracking.atomic import atomic_path
from tracking.errors import TrackingError

# What a TIFF with 32-bit offsets can hold, less room for its directories.
_MOST_CLASSIC = 2**32 - 2**25
_BYTES_PER_PAGE = 256
_IMAGEJ_TYPES = ("uint8", "uint16", "float32")
_OME_TYPES = {"float32": "float", "float64": "double"} | {
    name: name for name in ("uint8", "uint16", "uint32", "int8", "int16", "int32")
}


def write_movie(
    path: str | Path,
    frames: Iterable[np.ndarray],
    *,
    frame_shape: tuple[int, ...],
    dtype: np.dtype | type | str,
    pixel_size: float | None = None,
    z_step: float | None = None,
    frame_interval: float | None = None,
) -> None:
    """Write a movie that `open_movie` reads back without loss, one frame in memory at a time.

    A ``.tif`` is a TIFF of ImageJ, whose frames Fiji opens as time. It becomes an OME-TIFF where the name ends in
    ``.ome.tif``, where ImageJ does not know the type of the pixels, and above 4 GB, as a BigTIFF. A ``.zarr`` is an
    OME-Zarr 0.4. The same movie gives the same bytes: no date and no random identifier is written.

    Args:
        path: Ends in ``.tif``, ``.tiff`` or ``.zarr``.
        frames: Arrays of `frame_shape` and `dtype`. If they have no length they are first written to a temporary file.
        frame_shape: ``(Y, X)`` or ``(Z, Y, X)``.
        dtype: Type of the pixels.
        pixel_size: Micrometres per pixel. An ImageJ TIFF keeps nine digits of it.
        z_step: Micrometres per slice.
        frame_interval: Seconds per frame.

    Raises:
        TrackingError: The suffix is another, the format does not know the type, there is no frame, or the file cannot
            be written.
        ValueError: A frame has another shape or type, or there are not as many as the length of `frames` says.
    """
    path, dtype = Path(path), np.dtype(dtype).newbyteorder("=")
    if len(frame_shape) not in (2, 3):
        raise ValueError(f"`frame_shape` must be (Y, X) or (Z, Y, X), got {frame_shape}")
    steps = {"x": pixel_size, "z": z_step, "t": frame_interval}
    checked = _checked(frames, frame_shape, dtype)
    if path.suffix.lower() == ".zarr":
        _write_zarr(path, checked, frame_shape, dtype, steps)
    elif path.suffix.lower() in (".tif", ".tiff"):
        if dtype.name not in _OME_TYPES:
            raise TrackingError(f"`{path}` cannot hold pixels of type {dtype.name}: write a .zarr, or convert them")
        with ExitStack() as stack:
            if isinstance(frames, Sized):
                n_frames = len(frames)
                checked = _exactly(n_frames, checked)
            else:
                n_frames, checked = stack.enter_context(_spooled(path, checked, frame_shape, dtype))
            if n_frames == 0:
                raise TrackingError(f"`{path}` is not written: the movie has no frame")
            _write_tiff(path, checked, (n_frames, *frame_shape), dtype, steps)
    else:
        raise TrackingError(f"`{path}` must end in .tif, .tiff or .zarr")


def _checked(frames: Iterable[np.ndarray], frame_shape: tuple[int, ...], dtype: np.dtype) -> Iterator[np.ndarray]:
    for index, frame in enumerate(frames):
        if frame.shape != frame_shape or frame.dtype != dtype:
            raise ValueError(
                f"frame {index} must have the shape {frame_shape} and type {dtype}, got {frame.shape} and {frame.dtype}"
            )
        yield np.ascontiguousarray(frame)


def _exactly(n_frames: int, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    count = 0
    for count, frame in enumerate(frames, start=1):
        if count > n_frames:
            break
        yield frame
    if count != n_frames:
        given = "more" if count > n_frames else count
        raise ValueError(f"`frames` must give as many frames as its length says, {n_frames}, got {given}")


@contextmanager
def _spooled(
    path: Path, frames: Iterator[np.ndarray], frame_shape: tuple[int, ...], dtype: np.dtype
) -> Iterator[tuple[int, Iterator[np.ndarray]]]:
    """Count frames by writing them to a file without a name beside ``path``, and give them again."""
    try:
        with tempfile.TemporaryFile(dir=path.parent) as spool:
            n_frames = 0
            for frame in frames:
                spool.write(frame.tobytes())
                n_frames += 1
            spool.seek(0)
            size = math.prod(frame_shape) * dtype.itemsize
            yield n_frames, (np.frombuffer(spool.read(size), dtype).reshape(frame_shape) for _ in range(n_frames))
    except OSError as error:
        raise TrackingError(f"`{path}` could not be written: {error.strerror or error}") from error


def _write_tiff(
    path: Path,
    frames: Iterator[np.ndarray],
    shape: tuple[int, ...],
    dtype: np.dtype,
    steps: dict[str, float | None],
) -> None:
    import tifffile

    n_pages = math.prod(shape[:-2])
    is_big = math.prod(shape) * dtype.itemsize + n_pages * _BYTES_PER_PAGE > _MOST_CLASSIC
    is_imagej = dtype.name in _IMAGEJ_TYPES and not is_big and not path.name.lower().endswith((".ome.tif", ".ome.tiff"))
    n_slices = shape[1] if len(shape) == 4 else 1
    options: dict[str, Any] = {"description": _ome_xml(shape, dtype, steps).encode(), "metadata": None}
    full = (shape[0] * n_slices, *shape[-2:])
    if is_imagej:
        options = {"metadata": _imagej_metadata(steps), "resolution": (1 / (steps["x"] or 1),) * 2}
        full = (shape[0], n_slices, 1, *shape[-2:], 1)
    planes = (plane for frame in frames for plane in frame.reshape(n_slices, *shape[-2:]))
    with atomic_path(path) as temporary, tifffile.TiffWriter(temporary, bigtiff=is_big, imagej=is_imagej) as writer:
        writer.write(planes, shape=full, dtype=dtype, photometric="minisblack", software=False, **options)


def _imagej_metadata(steps: dict[str, float | None]) -> dict[str, Any]:
    metadata: dict[str, Any] = {"axes": "TZCYXS"}
    if steps["x"] or steps["z"]:
        metadata["unit"] = "micron" if steps["x"] else "pixel"
    if steps["z"]:
        metadata["spacing"] = steps["z"]
    if steps["t"]:
        metadata |= {"finterval": steps["t"], "tunit": "sec"}
    return metadata


def _ome_xml(shape: tuple[int, ...], dtype: np.dtype, steps: dict[str, float | None]) -> str:
    n_slices = shape[1] if len(shape) == 4 else 1
    attributes: dict[str, Any] = {"ID": "Pixels:0", "DimensionOrder": "XYZCT", "Type": _OME_TYPES[dtype.name]}
    attributes |= {"SizeX": shape[-1], "SizeY": shape[-2], "SizeZ": n_slices, "SizeC": 1, "SizeT": shape[0]}
    attributes |= {"BigEndian": "false"}
    if steps["x"]:
        attributes |= {f"PhysicalSize{axis}": steps["x"] for axis in "XY"}
        attributes |= {f"PhysicalSize{axis}Unit": "µm" for axis in "XY"}
    if steps["z"]:
        attributes |= {"PhysicalSizeZ": steps["z"], "PhysicalSizeZUnit": "µm"}
    if steps["t"]:
        attributes |= {"TimeIncrement": steps["t"], "TimeIncrementUnit": "s"}
    text = " ".join(f"{name}={quoteattr(str(value))}" for name, value in attributes.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation='
        '"http://www.openmicroscopy.org/Schemas/OME/2016-06 http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd">'
        f'<Image ID="Image:0"><Pixels {text}><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
        f'<TiffData IFD="0" PlaneCount="{n_slices * shape[0]}"/></Pixels></Image></OME>'
    )


def _write_zarr(
    path: Path,
    frames: Iterator[np.ndarray],
    frame_shape: tuple[int, ...],
    dtype: np.dtype,
    steps: dict[str, float | None],
) -> None:
    import zarr

    n_frames = 0
    with atomic_path(path) as temporary:
        group = zarr.open_group(temporary, mode="w", zarr_format=2)
        array = group.create_array(
            "0",
            shape=(1, *frame_shape),
            chunks=(1,) * (len(frame_shape) - 1) + frame_shape[-2:],
            dtype=dtype,
            chunk_key_encoding={"name": "v2", "separator": "/"},
        )
        for frame in frames:
            if n_frames == array.shape[0]:  # every change of shape rewrites the metadata
                array.resize((2 * n_frames, *frame_shape))
            array[n_frames] = frame
            n_frames += 1
        if n_frames == 0:
            raise TrackingError(f"`{path}` is not written: the movie has no frame")
        array.resize((n_frames, *frame_shape))
        group.attrs["multiscales"] = [_multiscale("tzyx" if len(frame_shape) == 3 else "tyx", steps)]


def _multiscale(axes: str, steps: dict[str, float | None]) -> dict[str, Any]:
    described: list[dict[str, str]] = []
    scale = []
    for axis in axes:
        kind, unit = ("time", "second") if axis == "t" else ("space", "micrometer")
        step = steps["x" if axis == "y" else axis]
        described.append({"name": axis, "type": kind} | ({"unit": unit} if step else {}))
        scale.append(step or 1.0)
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
    return {"version": "0.4", "axes": described, "datasets": [level]}
