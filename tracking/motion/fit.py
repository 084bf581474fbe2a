from dataclasses import dataclass

import numpy as np

# Exponents tried. Beyond 2 no motion goes for long, but an estimate of a directed one scatters to both sides.
EXPONENTS = np.arange(0.05, 2.5001, 0.01)


@dataclass(frozen=True, eq=False)
class PowerLaws:
    """Fits of ``msd = scale * lag ** exponent + offset``, arrays of shape ``(b,)``."""

    exponent: np.ndarray
    scale: np.ndarray
    offset: np.ndarray


def fit_line(msd: np.ndarray, lag_s: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope and intercept of generalised least squares.

    Args:
        msd: one curve a row, shape ``(b, lags)``.
        lag_s: lags in seconds, at least two.
        covariance: of a curve, up to a factor, shape ``(lags, lags)``.
    """
    whiten = _whitener(covariance)
    design = whiten @ np.stack([lag_s, np.ones_like(lag_s)], axis=1)
    slope, intercept = np.linalg.pinv(design) @ whiten @ msd.T
    return slope, intercept


def fit_power_law(
    msd: np.ndarray, lag_s: np.ndarray, covariance: np.ndarray, exposure: float | None, longest_blur: float
) -> PowerLaws:
    """Exponent, scale and offset of generalised least squares, by trying all exponents.

    The offset is twice the number of axes times the variance of the localisation error. It is not free: what no error
    and no blur can explain, an offset far below 0 under a nearly flat curve, is left out.

    Args:
        msd: one curve a row, shape ``(b, lags)``.
        lag_s: lags in seconds, at least four.
        covariance: of a curve, up to a factor, shape ``(lags, lags)``.
        exposure: seconds a frame is exposed; None, if unknown, leaves the blur to the offset.
        longest_blur: seconds over which positions may be averaged, such as those of a frame.
    """
    whiten = _whitener(covariance)
    data = whiten @ msd.T
    squares = np.full((len(EXPONENTS), data.shape[1]), np.inf)
    scales, offsets = np.zeros_like(squares), np.zeros_like(squares)
    for row, exponent in enumerate(EXPONENTS):
        curve = blurred_power(lag_s, exponent, exposure or 0.0)
        lowest = curve - blur_offset(exponent, longest_blur)
        # Coefficients of `lowest` and of 1: the offset then is their difference and both must be positive.
        design = whiten @ np.stack([lowest, np.ones_like(lag_s)], axis=1)
        scale, above = np.linalg.pinv(design) @ data
        single = design[:, 0] @ data / (design[:, 0] @ design[:, 0])
        flat = design[:, 1] @ data / (design[:, 1] @ design[:, 1])
        is_low, is_falling = above < 0, scale < 0
        scale = np.where(is_falling, 0.0, np.where(is_low, np.maximum(single, 0), scale))
        above = np.where(is_falling, flat, np.where(is_low, 0.0, above))
        squares[row] = np.sum((data - design[:, :1] * scale - design[:, 1:] * above) ** 2, axis=0)
        scales[row], offsets[row] = scale, above - scale * blur_offset(exponent, longest_blur)
    best = np.argmin(squares, axis=0)
    column = np.arange(len(best))
    scale = scales[best, column]
    return PowerLaws(np.where(scale > 0, _lowest(squares), np.nan), scale, offsets[best, column])


def fit_exponent(msd: np.ndarray, lag_s: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Exponents of ``msd = scale * lag ** exponent``, shape ``(b,)``, NaN where the curve lies below 0.

    Args:
        msd: one curve a row, without an offset, shape ``(b, lags)``.
        lag_s: lags in seconds.
        covariance: of a curve, up to a factor, shape ``(lags, lags)``.
    """
    whiten = _whitener(covariance)
    data = whiten @ msd.T
    squares, scales = np.empty((2, len(EXPONENTS), data.shape[1]))
    for row, exponent in enumerate(EXPONENTS):
        curve = whiten @ lag_s**exponent
        scales[row] = np.maximum(curve @ data / (curve @ curve), 0)
        squares[row] = np.sum((data - curve[:, None] * scales[row]) ** 2, axis=0)
    positive = scales[np.argmin(squares, axis=0), np.arange(data.shape[1])] > 0
    return np.where(positive, _lowest(squares), np.nan)


def _lowest(squares: np.ndarray) -> np.ndarray:
    """The exponent of the lowest sum of squares of each column, between those tried by a parabola."""
    best = np.argmin(squares, axis=0)
    inner = np.clip(best, 1, len(EXPONENTS) - 2)
    before, at, after = (squares[inner + shift, np.arange(len(best))] for shift in (-1, 0, 1))
    bend = before - 2 * at + after
    shift = np.where((inner == best) & (bend > 0), (before - after) / (2 * np.where(bend > 0, bend, 1)), 0.0)
    return np.asarray(EXPONENTS[best] + np.clip(shift, -0.5, 0.5) * (EXPONENTS[1] - EXPONENTS[0]))


def blurred_power(lag_s: np.ndarray, exponent: float, exposure: float) -> np.ndarray:
    """The curve ``lag ** exponent`` as positions averaged over an exposure show it, for lags not below the exposure.

    Source: Backlund, Joyner and Moerner 2015, doi:10.1103/PhysRevE.91.062716, for fractional Brownian motion; for an
    exponent of 1 it is the lag less a third of the exposure.
    """
    if exposure == 0:
        return np.asarray(lag_s**exponent)
    power = exponent + 2
    # An exposure as long as the frame can come out a rounding error longer than the first lag.
    shorter = np.maximum(lag_s - exposure, 0)
    averaged = ((lag_s + exposure) ** power + shorter**power - 2 * lag_s**power) / exposure**2
    return np.asarray(averaged / (power * (power - 1)) - blur_offset(exponent, exposure))


def blur_offset(exponent: float, exposure: float) -> float:
    """By how much an exposure lowers the curve ``lag ** exponent`` at long lags."""
    return float(2 * exposure**exponent / ((exponent + 1) * (exponent + 2)))


def _whitener(covariance: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)))
