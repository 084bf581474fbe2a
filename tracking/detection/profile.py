from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from tracking.detection.windows import along

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AxisProfile:
    """Share of a Gaussian spot that falls on each pixel along one axis, with derivatives; shapes ``(n, k)``.

    Attributes:
        share: Integral of the normal density over the pixel.
        by_position: Its derivative by the spot's position.
        by_sigma: Its derivative by the spot's standard deviation.
    """

    share: Array
    by_position: Array
    by_sigma: Array

    @classmethod
    def of(cls, coordinates: npt.NDArray[np.int64], position: Array, sigma: float) -> "AxisProfile":
        """Profile of spots at ``position``, shape ``(n,)``, on the pixels ``coordinates``, shape ``(n, k)``."""
        first = coordinates[:, :1] - 0.5
        edges = (first + np.arange(coordinates.shape[1] + 1) - position[:, None]) / sigma
        density = np.exp(-0.5 * edges**2) * (1 / (np.sqrt(2 * np.pi) * sigma))
        return cls(np.diff(ndtr(edges)), -np.diff(density), -np.diff(density * edges))


def product(profiles: Sequence[Array]) -> Array:
    """Product over axes of functions of one axis each, shapes ``(n, k)``; shape ``(n, K)`` as in `Windows`."""
    ndim = len(profiles)
    result = along(profiles[0], 0, ndim)
    for axis in range(1, ndim):
        result = result * along(profiles[axis], axis, ndim)
    return np.ascontiguousarray(result).reshape(len(profiles[0]), int(np.prod([p.shape[1] for p in profiles])))


def peak_share(sigma: Sequence[float]) -> float:
    """Share of a spot's mass on the pixel that it is centred on."""
    return float(np.prod([2 * ndtr(0.5 / width) - 1 for width in sigma]))
