import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, owens_t

from tracking.detection.spot_filter import SpotFilter

# Heights of maxima are searched between these, in standard deviations of the response.
LOWEST, HIGHEST = 0.0, 37.0


def expected_maxima(height: float, n_pixels: int, spot_filter: SpotFilter) -> float:
    """Local maxima above a height to expect by chance on a frame of white Gaussian noise, after filtering.

    A pixel of height x is a maximum along an axis if both neighbours are lower. Given x they are jointly normal, with
    the correlations of the filter, and the axes are taken as independent::

        n_pixels * integral from height of phi(x) * product over axes of P(both neighbours < x | x) dx

    Args:
        height: In standard deviations of the response.
        n_pixels: Pixels of the frame.
        spot_filter: The filter.

    Source: Worsley 2005, "An improved theoretical P value for SPMs based on discrete local maxima",
    doi:10.1016/j.neuroimage.2005.06.053, with the filter's own correlations in place of a Gaussian's.
    """
    nodes, weights = np.polynomial.legendre.leggauss(64)
    x = height + 3 * (nodes + 1)
    density = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    for once, twice in spot_filter.correlations:
        ahead = x * np.sqrt((1 - once) / (1 + once))
        between = (twice - once**2) / (1 - once**2)
        density *= ndtr(ahead) - 2 * owens_t(ahead, np.sqrt((1 - between) / (1 + between)))
    return float(n_pixels * 3 * (weights * density).sum())


def threshold(false_alarms: float, n_pixels: int, spot_filter: SpotFilter) -> float:
    """Height above which `expected_maxima` are ``false_alarms``, in standard deviations of the response.

    0 where even that gives fewer.
    """

    def excess(height: float) -> float:
        return float(np.log(max(expected_maxima(height, n_pixels, spot_filter), 1e-300)) - np.log(false_alarms))

    if excess(LOWEST) <= 0:
        return LOWEST
    return float(brentq(excess, LOWEST, HIGHEST, xtol=1e-6))


def skewed_threshold(height: float, skewness: float, kurtosis: float) -> float:
    """The height that noise of some skewness and excess kurtosis exceeds as often as Gaussian noise exceeds ``height``.

    Photon noise has a heavier bright tail than Gaussian noise of the same variance.

    Source: Cornish and Fisher 1938, doi:10.2307/1400905.
    """
    return (
        height
        + (height**2 - 1) * skewness / 6
        + (height**3 - 3 * height) * kurtosis / 24
        - (2 * height**3 - 5 * height) * skewness**2 / 36
    )
