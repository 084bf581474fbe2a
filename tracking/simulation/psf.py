import numpy as np
from scipy.special import ndtr

# Nodes and weights of Gauss-Legendre quadrature over one pixel, from -0.5 to 0.5.
_NODES, _WEIGHTS = (values / 2 for values in np.polynomial.legendre.leggauss(4))
# How far from its centre a spot is drawn, in standard deviations: beyond lies less than a millionth of its light.
_REACH = 5.0


def patch_radius(sigma: float) -> int:
    """Pixels to draw on each side of the one nearest to a spot's centre."""
    return int(np.ceil(_REACH * sigma))


def pixel_shares(offset: np.ndarray, sigma: float | np.ndarray, radius: int) -> np.ndarray:
    """How much of a normal distribution falls into each pixel of a line.

    Args:
        offset: Centres of the distributions from the middle of the line's central pixel, in pixels, shape ``(...)``.
        sigma: Standard deviation in pixels.
        radius: Pixels on each side of the central one.

    Returns:
        Shape ``(..., 2 * radius + 1)``. The sum is 1 but for what lies outside the line.
    """
    edges = np.arange(-radius, radius + 2) - 0.5
    shares: np.ndarray = np.diff(ndtr((edges - offset[..., None]) / sigma), axis=-1)
    return shares


def round_spots(offset: np.ndarray, sigma: float) -> np.ndarray:
    """Light of round Gaussian spots, integrated over every pixel.

    Args:
        offset: Centres (y, x) from the middle of the patch's central pixel, in pixels, shape ``(n, 2)``.
        sigma: Standard deviation in pixels.

    Returns:
        Patches of side ``2 * patch_radius(sigma) + 1``, each with the sum 1, shape ``(n, side, side)``.
    """
    shares = pixel_shares(offset, sigma, patch_radius(sigma))
    patches: np.ndarray = shares[:, 0, :, None] * shares[:, 1, None, :]
    return patches


def elongated_spots(offset: np.ndarray, direction: np.ndarray, sigma: float, elongation: float) -> np.ndarray:
    """Light of elliptic Gaussian spots, integrated over every pixel.

    Along x the integral is exact, given y; along y it is a quadrature with four nodes a pixel.

    Args:
        offset: Centres (y, x) from the middle of the patch's central pixel, in pixels, shape ``(n, 2)``.
        direction: Unit vectors (y, x) of the long axes, shape ``(n, 2)``.
        sigma: Standard deviation across, in pixels.
        elongation: Standard deviation along the long axis over that across.

    Returns:
        Patches of side ``2 * patch_radius(sigma * elongation) + 1``, each with the sum 1, shape ``(n, side, side)``.
    """
    radius = patch_radius(sigma * elongation)
    # Covariance = sigma^2 (1 + (elongation^2 - 1) direction direction^T).
    stretch = sigma**2 * (elongation**2 - 1)
    var_y, var_x = (sigma**2 + stretch * direction**2).T
    cov = stretch * direction[:, 0] * direction[:, 1]
    y = np.arange(-radius, radius + 1)[:, None] + _NODES - offset[:, 0, None, None]
    weight = np.exp(-(y**2) / (2 * var_y[:, None, None])) * _WEIGHTS / np.sqrt(2 * np.pi * var_y[:, None, None])
    # Given y, x is normal about a line through the centre.
    mean_x = offset[:, 1, None, None] + (cov / var_y)[:, None, None] * y
    sigma_x = np.sqrt(var_x - cov**2 / var_y)[:, None, None, None]
    patches: np.ndarray = (weight[..., None] * pixel_shares(mean_x, sigma_x, radius)).sum(axis=2)
    return patches
