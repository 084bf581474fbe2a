from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tracking.detection.pixels import Mask

# A window reaches this many standard deviations of a spot to each side, rounded up.
WINDOW_SIGMAS = 2.75


def window_radius(sigma: Sequence[float]) -> tuple[int, ...]:
    """Pixels that a spot's window reaches to each side along each axis."""
    return tuple(max(2, int(np.ceil(WINDOW_SIGMAS * width))) for width in sigma)


@dataclass(frozen=True)
class Windows:
    """The pixels round each of n spots, windows at the border being cut off by a mask.

    Attributes:
        coordinates: Pixel coordinates along each axis, shapes ``(n, k)``; also beyond the border.
        values: Shape ``(n, K)``, K the product of the k of all axes; 0 where there is none.
        is_known: Which of the values exist, shape ``(n, K)``.
    """

    coordinates: tuple[npt.NDArray[np.int64], ...]
    values: npt.NDArray[np.float64]
    is_known: Mask

    @classmethod
    def around(
        cls,
        frame: npt.NDArray[np.float32],
        centres: npt.NDArray[np.float64],
        radius: Sequence[int],
        missing: Mask | None = None,
    ) -> "Windows":
        """Windows round the pixels nearest to ``centres``, shape ``(n, ndim)``."""
        nearest = np.rint(centres).astype(np.int64)
        coordinates = tuple(nearest[:, axis, None] + np.arange(-reach, reach + 1) for axis, reach in enumerate(radius))
        clipped = [np.clip(c, 0, size - 1) for c, size in zip(coordinates, frame.shape, strict=True)]
        index = tuple(along(c, axis, frame.ndim) for axis, c in enumerate(clipped))
        inside = [c == kept for c, kept in zip(coordinates, clipped, strict=True)]
        is_known = np.ones((), bool)
        for axis, flags in enumerate(inside):
            is_known = is_known & along(flags, axis, frame.ndim)
        if missing is not None:
            is_known = is_known & ~missing[index]
        flat = (len(centres), int(np.prod([2 * reach + 1 for reach in radius])))
        is_known = is_known.reshape(flat)
        return cls(coordinates, np.where(is_known, frame[index].reshape(flat), 0).astype(np.float64), is_known)


def along(values: np.ndarray, axis: int, ndim: int) -> np.ndarray:
    """Shape ``(n, k)`` made one that broadcasts along one axis of windows, shape ``(n, 1, k, 1)`` or so."""
    shape = [len(values)] + [1] * ndim
    shape[axis + 1] = values.shape[1]
    return values.reshape(shape)
