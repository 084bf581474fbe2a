import math
from pathlib import Path

import numpy as np

from tracking.errors import TrackingError
from tracking.io.frame_folder import FrameFolderSource
from tracking.io.movie import Movie, PixelSource
from tracking.io.movie_axes import require_axes_option, resolve_axes
from tracking.io.movie_units import pixel_size_of
from tracking.io.tiff_movie import TiffSource
from tracking.io.zarr_movie import ZarrSource, is_zarr

_MOST_FRAME_BYTES = 2**32


def open_movie(
    path: str | Path,
    *,
    channel: int | str | None = None,
    axes: str | None = None,
    pixel_size: float | None = None,
    z_step: float | None = None,
    frame_interval: float | None = None,
) -> Movie:
    """Open a movie without reading its pixels.

    Known are TIFF (plain, ImageJ, OME, BigTIFF and what else tifffile reads), OME-Zarr, and a folder of PNG or TIFF
    frames, sorted as people count or named as in the Particle Tracking Challenge. Pages of a TIFF that says nothing of
    its axes are time points.

    Args:
        path: File or folder.
        channel: Number from 0, or name, of the channel to track. Needed where there are several; colour counts.
        axes: A letter of TCZYX for every axis of the stored array, such as "TZYX". Overrides what the file says.
        pixel_size: Micrometres per pixel. This and the following override what the file says.
        z_step: Micrometres per slice.
        frame_interval: Seconds per frame.

    Raises:
        TrackingError: The file is absent, no movie, damaged or harmful, holds complex or yes-or-no pixels, or an option
            must be given: `axes` where time cannot be told, `channel` where there are several, `pixel_size` where
            pixels are not square.
    """
    path = Path(path)
    for name, value in (("pixel-size", pixel_size), ("z-step", z_step), ("frame-interval", frame_interval)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise TrackingError(f"--{name} must be a positive number, got {value}")
    letters = None if axes is None else require_axes_option(axes)
    try:
        source = _open(path, letters)
    except OSError as error:
        raise TrackingError(f"`{path}` cannot be read: {error.strerror or error}") from error
    try:
        found = resolve_axes(path, source.axes, letters, channel)
        _require_numbers(path, source.dtype, found.frame_shape)
        steps = source.steps
        is_3d = len(found.frame_shape) == 3
        return Movie(
            path,
            source,
            found,
            source.dtype,
            pixel_size if pixel_size is not None else pixel_size_of(path, steps),
            (z_step if z_step is not None else steps.z) if is_3d else None,
            frame_interval if frame_interval is not None else steps.t,
            ignores_z_step=z_step is not None and not is_3d,
        )
    except BaseException:
        source.close()
        raise


def _open(path: Path, axes: str | None) -> PixelSource:
    if not path.exists():
        raise TrackingError(f"`{path}` does not exist")
    if path.is_dir():
        return ZarrSource(path) if is_zarr(path) else FrameFolderSource(path)
    if path.stat().st_size == 0:
        raise TrackingError(f"`{path}` is empty")
    if path.suffix.lower() == ".png":
        raise TrackingError(f"`{path}` is a single frame: give the folder that holds all frames")
    with path.open("rb") as stream:
        start = stream.read(4)
    if start[:2] not in (b"II", b"MM") or len(start) < 4:
        raise TrackingError(f"`{path}` is not a movie: TIFF, OME-Zarr or a folder of PNG or TIFF frames was expected")
    return TiffSource(path, axes)


def _require_numbers(path: Path, dtype: np.dtype, frame_shape: tuple[int, ...]) -> None:
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise TrackingError(f"`{path.name}` must hold real numbers, got pixels of type {dtype.name}")
    size = math.prod(frame_shape) * dtype.itemsize
    if size > _MOST_FRAME_BYTES:
        raise TrackingError(
            f"`{path.name}` has frames of {size / 2**30:.0f} GiB (shape {frame_shape}), more than the 4 GiB that can be"
            " tracked"
        )
