import numpy as np
import pandas as pd

from tracking.motion.classification import classes_of_paths
from tracking.motion.covariance import msd_covariance
from tracking.motion.diffusion import MINIMUM_LAGS, Diffusion
from tracking.motion.displacements import DEFAULT_LAGS, LagSums, lag_sums
from tracking.motion.fit import fit_exponent
from tracking.motion.paths import Paths

MINIMUM_FRAMES = 16  # below, an exponent would rest on lags of which hardly two pairs are independent


def track_table(paths: Paths, frame_interval: float, ensemble: Diffusion) -> pd.DataFrame:
    """One row a track: how fast and in which manner it moves.

    Args:
        paths: in micrometres.
        frame_interval: seconds per frame.
        ensemble: diffusion of all tracks. The exponents of the tracks are of what lies above the intercept of all, as a
            single track is too little to tell error from exponent.

    Returns:
        The columns of `tracking.motion.classify_motion`, and between them ``n_frames`` from first to last,
        ``d_um2_s`` with its standard error ``d_se_um2_s`` for Brownian motion, and ``alpha``, NaN below 16 frames.
        D is the covariance-based estimate, the slope of the MSD at the shortest usable lag: without bias and so
        negative now and then. For a directed track it contains the velocity.

    Source: Vestergaard, Blainey and Flyvbjerg 2014, doi:10.1103/PhysRevE.89.022726.
    """
    table = classes_of_paths(paths, frame_interval)
    first, n_axes = ensemble.first_lag, paths.positions.shape[1]
    sums = lag_sums(paths, max(DEFAULT_LAGS, first + MINIMUM_LAGS))
    with np.errstate(invalid="ignore"):
        msd = sums.squares.sum(axis=2) / sums.n_pairs
    n_frames = paths.spans + 1
    coefficient = (msd[:, first] - msd[:, first - 1]) / (2 * n_axes * frame_interval)
    table.insert(2, "n_frames", n_frames)
    table.insert(3, "d_um2_s", coefficient)
    table.insert(4, "d_se_um2_s", _standard_error(coefficient, n_frames, first, n_axes, frame_interval, ensemble))
    table.insert(5, "alpha", _exponents(msd, sums, n_frames, first, n_axes, frame_interval, ensemble))
    return table


def _standard_error(
    coefficient: np.ndarray, n_frames: np.ndarray, first: int, n_axes: int, frame_interval: float, ensemble: Diffusion
) -> np.ndarray:
    """Standard error of the slope, with the localisation error of all tracks."""
    lags = np.array([first, first + 1])
    of_slope = np.array([-1.0, 1.0]) / (2 * n_axes * frame_interval)
    error = max(ensemble.error_variance_um2.value, 0.0) if np.isfinite(ensemble.error_variance_um2.value) else 0.0
    step = 2 * np.maximum(coefficient, 0) * frame_interval
    lengths, which = np.unique(n_frames, return_inverse=True)
    # The variance is a quadratic form of the variances of step and error, so three values give it for all tracks.
    forms = np.full((3, len(lengths)), np.nan)
    for column, length in enumerate(lengths):
        if length > first + 1:
            for row, (of_step, of_error) in enumerate(((1, 0), (0, 1), (1, 1))):
                forms[row, column] = of_slope @ msd_covariance(lags, int(length), n_axes, of_step, of_error) @ of_slope
    steps, errors, both = forms[:, which]
    return np.asarray(np.sqrt(steps * step**2 + errors * error**2 + (both - steps - errors) * step * error))


def _exponents(
    msd: np.ndarray,
    sums: LagSums,
    n_frames: np.ndarray,
    first: int,
    n_axes: int,
    frame_interval: float,
    ensemble: Diffusion,
) -> np.ndarray:
    exponents = np.full(len(msd), np.nan)
    if not np.isfinite(ensemble.intercept_um2):
        return exponents
    last = np.minimum(np.maximum(n_frames // 4, first + MINIMUM_LAGS - 1), msd.shape[1])
    last[n_frames < max(MINIMUM_FRAMES, 2 * (first + MINIMUM_LAGS))] = 0
    step = max(2 * ensemble.coefficient_um2_s.value * frame_interval, np.finfo(float).tiny)
    ratio = np.clip(ensemble.error_variance_um2.value / step, 0, 1e3)
    for lag in np.unique(last[last > 0]):
        chosen = np.flatnonzero((last == lag) & (sums.n_pairs[:, first - 1 : lag] > 0).all(axis=1))
        if len(chosen):
            lags = np.arange(first, lag + 1)
            covariance = msd_covariance(lags, max(int(np.median(n_frames[chosen])), lag + 1), n_axes, 1.0, ratio)
            curves = msd[chosen, first - 1 : lag] - ensemble.intercept_um2
            exponents[chosen] = fit_exponent(curves, lags * frame_interval, covariance)
    return exponents
