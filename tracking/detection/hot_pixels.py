import numpy as np
import numpy.typing as npt

from tracking.detection.pixels import Mask
from tracking.detection.profile import AxisProfile

# A pixel is hot if its neighbours lack half of the light that even the smallest spot would give them, by as many
# standard deviations.
CERTAINTY = 5.0
SHARE = 0.5


def is_hot_pixel(
    values: npt.NDArray[np.float32],
    places: npt.NDArray[np.int64],
    noise_variance: npt.NDArray[np.float64],
    gain: float,
    sigma: float,
) -> Mask:
    """Which maxima are single bright pixels without the light that a spot spreads over its neighbours.

    Args:
        values: Frame, shape ``(y, x)`` or ``(z, y, x)``.
        places: Pixels, shape ``(n, ndim)``.
        noise_variance: Variance of a pixel's noise round each, shape ``(n,)``.
        gain: By how much the variance grows with the intensity.
        sigma: Standard deviation of a spot in pixels.
    """
    height, width = values.shape[-2:]
    outside = tuple(places.T[:-2, :, None])
    square = np.array([(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3)])
    y, x = (np.clip(places[:, axis, None] + square[:, axis], 0, n - 1) for axis, n in ((-2, height), (-1, width)))
    pixels = values[(*outside, y, x)].astype(np.float64)
    ring = np.abs(square).max(axis=1) == 2
    cross = np.abs(square).sum(axis=1) == 1
    ground = np.median(pixels[:, ring], axis=1)
    centre = pixels[:, len(square) // 2] - ground
    beside = pixels[:, cross].mean(axis=1) - ground
    share = AxisProfile.of(np.arange(2)[None], np.zeros(1), sigma).share[0]
    expected = share[1] / share[0]
    variance = noise_variance * (1 / 4 + expected**2) + gain * np.maximum(centre, 0) * (expected / 4 + expected**2)
    lacks: Mask = beside < SHARE * expected * centre - CERTAINTY * np.sqrt(variance)
    return lacks
