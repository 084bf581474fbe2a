import numpy as np

from tracking.errors import TrackingError
from tracking.tracks import Tracks

# Beyond these no microscope works, and squares of distances could overflow.
SMALLEST_UNIT, LARGEST_UNIT = 1e-9, 1e9


def require_pixel_size(tracks: Tracks, pixel_size: float | None) -> float:
    """Micrometres per pixel: as given, else as the tracks say.

    Raises:
        TrackingError: neither says it, or it is not positive or beyond 1e-9 to 1e9.
    """
    return _positive(
        tracks.pixel_size if pixel_size is None else pixel_size, "--pixel-size", "micrometres per pixel", "0.1"
    )


def require_frame_interval(tracks: Tracks, frame_interval: float | None) -> float:
    """Seconds per frame: as given, else as the tracks say.

    Raises:
        TrackingError: neither says it, or it is not positive or beyond 1e-9 to 1e9.
    """
    return _positive(
        tracks.frame_interval if frame_interval is None else frame_interval, "--frame-interval", "seconds", "0.05"
    )


def axis_scales(tracks: Tracks, pixel_size: float | None, z_step: float | None) -> np.ndarray:
    """Micrometres per unit of each axis in the order of a frame's axes, shape ``(2,)`` or ``(3,)``.

    Raises:
        TrackingError: the pixel size, or in three dimensions the distance of the slices, is unknown, not positive or
            beyond 1e-9 to 1e9.
    """
    lateral = require_pixel_size(tracks, pixel_size)
    if len(tracks.axes) == 2:
        return np.array([lateral, lateral])
    z = _positive(tracks.z_step if z_step is None else z_step, "--z-step", "micrometres per slice", "0.3")
    return np.array([z, lateral, lateral])


def require_exposure(exposure: float | None, frame_interval: float) -> float | None:
    """Exposure time in seconds, or None where it is unknown.

    Raises:
        TrackingError: it is negative or longer than a frame.
    """
    # A camera that exposes all the time reports the same number twice, once rounded.
    if exposure is None or 0 <= exposure <= frame_interval * (1 + 1e-6):
        return exposure
    raise TrackingError(
        f"--exposure must be from 0 to the frame interval of {frame_interval:g} seconds, got {exposure:g}"
    )


def _positive(value: float | None, option: str, unit: str, example: str) -> float:
    if value is None:
        raise TrackingError(
            f"{option} is needed to give physical units, and the tracks do not say it: "
            f"give {option} in {unit}, such as {option} {example}"
        )
    if not (np.isfinite(value) and value > 0):
        raise TrackingError(f"{option} must be a positive number of {unit}, got {value:g}")
    if not SMALLEST_UNIT <= value <= LARGEST_UNIT:
        raise TrackingError(f"{option} must be from {SMALLEST_UNIT:g} to {LARGEST_UNIT:g} {unit}, got {value:g}")
    return float(value)
