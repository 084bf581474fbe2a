import numpy as np
import numpy.typing as npt

from tracking.detection.profile import product
from tracking.detection.windows import Windows

Array = npt.NDArray[np.float64]


def spot_shape(windows: Windows, background: Array, position: Array, widths: tuple[float, ...]) -> tuple[Array, Array]:
    """Standard deviation and eccentricity of spots in the plane, from their second moments.

    The moments are weighted by a Gaussian as wide as the spot, which keeps the noise of the window's edge out and is
    undone as for a Gaussian spot: the product of two Gaussians has the sum of their inverse variances.

    Args:
        windows: Of the spots.
        background: Shape ``(n,)``.
        position: Shape ``(n, ndim)``.
        widths: Standard deviation of the spots for each axis.

    Returns:
        Standard deviations in pixels and eccentricities, 0 for a circle and 1 for a line, shapes ``(n,)``; NaN where
        nothing is above the background. The eccentricity is the difference of the variances along the two main axes
        over their sum.
    """
    offsets = [c - position[:, axis, None] for axis, c in enumerate(windows.coordinates)]
    ones = [np.ones_like(offset) for offset in offsets]
    lens = product([np.exp(-0.5 * (offset / width) ** 2) for offset, width in zip(offsets, widths, strict=True)])
    light = np.maximum(windows.values - background[:, None], 0) * windows.is_known * lens
    y = product([*ones[:-2], offsets[-2], ones[-1]])
    x = product([*ones[:-2], ones[-2], offsets[-1]])
    total = light.sum(axis=1)
    total[total <= 0] = np.nan
    yy, xx, xy = ((light * moment).sum(axis=1) / total for moment in (y * y, x * x, x * y))
    middle, spread = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
    longer, shorter = (
        1 / (1 / np.clip(moment, 1e-3 * widths[-1] ** 2, 0.9 * widths[-1] ** 2) - 1 / widths[-1] ** 2)
        for moment in (middle + spread, middle - spread)
    )
    # What the pixels add is no part of the spot.
    size = np.sqrt(np.maximum((longer + shorter) / 2 - 1 / 12, 0))
    return size, (longer - shorter) / (longer + shorter)
