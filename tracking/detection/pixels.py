from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tracking.errors import TrackingError

FloatArray = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]


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

        Missing pixels are given the median of the others.
        """
        exact = np.float32 if frame.dtype.itemsize <= 2 else np.float64
        values = np.subtract(frame, exact(self.offset), dtype=exact)
        values = np.multiply(values, exact(1 / self.scale), dtype=exact).astype(np.float32, copy=False)
        if not np.issubdtype(frame.dtype, np.inexact):
            return values, None
        missing = ~np.isfinite(values)
        if not missing.any():
            return values, None
        values[missing] = 0 if missing.all() else np.median(values[~missing])
        return values, missing
