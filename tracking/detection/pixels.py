from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from tracking.errors import TrackingError

FloatArray = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]
# A missing pixel is a gap to close, rather than part of a hole, if at least this share of its neighbours have a value:
# more than those of a hole's corner have.
CLOSABLE = 0.75


@dataclass(frozen=True)
class Intensities:
    """Scale on which a movie's frames are worked on: ``(frame - offset) / scale``, in single precision.

    Attributes:
        offset: Intensity that becomes 0.
        scale: Intensity that becomes 1; negative for dark spots, which are bright on this scale.
        step: Smallest difference between two values of the movie, on this scale; 0 if the movie is not of integers.
    """

    offset: float
    scale: float
    step: float

    @classmethod
    def of_movie(cls, frames: Sequence[np.ndarray], dark: bool) -> "Intensities":
        """The scale that suits a sample of frames.

        Values from 1e-300 to 1e300 come out near 1, and a large constant added to all costs no precision.

        Raises:
            TrackingError: No frame has a finite pixel.
        """
        finite = [frame[np.isfinite(frame)].astype(np.float64) for frame in frames]
        finite = [values for values in finite if values.size]
        if not finite:
            raise TrackingError(
                "the movie must have pixels with a value, but all of those looked at are NaN or infinite"
            )
        offset = float(np.median([np.median(values) for values in finite]))
        scale = max(float(np.abs(values - offset).mean()) for values in finite)
        if not np.isfinite(scale) or scale == 0:
            scale = 1.0
        is_integer = all(np.issubdtype(frame.dtype, np.integer) for frame in frames)
        return cls(offset, -scale if dark else scale, 1 / scale if is_integer else 0.0)

    def apply(self, frame: np.ndarray) -> tuple[npt.NDArray[np.float32], Mask | None]:
        """A frame on this scale, and where it has no value (None if it has values everywhere).

        Missing pixels are given the median of the others; single ones the mean of their neighbours, so that a spot
        is found although a pixel of it is missing.
        """
        exact = np.float32 if frame.dtype.itemsize <= 2 else np.float64
        values = np.subtract(frame, exact(self.offset), dtype=exact)
        values = np.multiply(values, exact(1 / self.scale), dtype=exact).astype(np.float32, copy=False)
        if not np.issubdtype(frame.dtype, np.inexact):
            return values, None
        missing = ~np.isfinite(values)
        if not missing.any():
            return values, None
        places = np.argwhere(missing)
        is_closable, means = _neighbours(values, missing, places)
        values[missing] = 0 if missing.all() else np.median(values[~missing])
        values[tuple(places[is_closable].T)] = means[is_closable]
        return values, missing


def has_spread(frame: np.ndarray) -> bool:
    """Whether the finite pixels of a frame differ."""
    finite = frame[np.isfinite(frame)] if frame.dtype.kind == "f" else frame
    return bool(finite.size) and bool(finite.min() < finite.max())


def is_in_hole(missing: Mask, places: npt.NDArray[np.int64]) -> Mask:
    """Which of some pixels, shape ``(n, ndim)``, are missing and most of their neighbours too."""
    found: Mask = missing[tuple(places.T)]
    gaps = np.flatnonzero(found)
    found[gaps] = ~_neighbours(np.zeros(missing.shape, np.float32), missing, places[gaps])[0]
    return found


def _neighbours(
    values: npt.NDArray[np.float32], missing: Mask, places: npt.NDArray[np.int64]
) -> tuple[Mask, npt.NDArray[np.float32]]:
    """Whether pixels have `CLOSABLE` neighbours with a value, diagonal ones included, and the mean of these."""
    count, total = np.zeros(len(places), np.int64), np.zeros(len(places), np.float32)
    last = np.array(missing.shape) - 1
    offsets = [offset for offset in product((-1, 0, 1), repeat=missing.ndim) if any(offset)]
    for offset in offsets:
        there = tuple(np.clip(places + offset, 0, last).T)
        is_known = ~missing[there]
        count += is_known
        total += np.where(is_known, values[there], np.float32(0))
    means: npt.NDArray[np.float32] = np.divide(total, np.maximum(count, 1), dtype=np.float32)
    return count >= CLOSABLE * len(offsets), means
