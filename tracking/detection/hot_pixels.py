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
    y, x = (places[:, axis, None] + square[:, axis] for axis in (-2, -1))
    is_inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    pixels = values[(*outside, np.clip(y, 0, height - 1), np.clip(x, 0, width - 1))].astype(np.float64)
    ring = np.abs(square).max(axis=1) == 2
    cross = np.abs(square).sum(axis=1) == 1
    ground = np.median(pixels[:, ring], axis=1)
    centre = pixels[:, len(square) // 2] - ground
    n_beside = np.maximum(is_inside[:, cross].sum(axis=1), 1)
    beside = (pixels * is_inside)[:, cross].sum(axis=1) / n_beside - ground
    share = AxisProfile.of(np.arange(2)[None], np.zeros(1), sigma).share[0]
    expected = share[1] / share[0]
    variance = noise_variance * (1 / n_beside + expected**2) + gain * np.maximum(centre, 0) * (
        expected / n_beside + expected**2
    )
    lacks: Mask = beside < SHARE * expected * centre - CERTAINTY * np.sqrt(variance)
    return lacks
