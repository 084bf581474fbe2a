from dataclasses import dataclass

import numpy as np

from tracking.errors import TrackingError
from tracking.motion.bootstrap import MINIMUM_TRACKS, Estimate, effective_number, percentile_interval, resampled_sums
from tracking.motion.covariance import msd_covariance
from tracking.motion.displacements import DEFAULT_LAGS, LagSums, default_max_lag, lag_sums, step_products
from tracking.motion.fit import fit_line, fit_power_law
from tracking.motion.paths import Paths, measured_paths
from tracking.motion.units import require_exposure, require_frame_interval
from tracking.tracks import Tracks

MINIMUM_LAGS = 4  # three unknowns are fitted
LONGEST_MEMORY = 8


@dataclass(frozen=True)
class Diffusion:
    """How fast and in which manner the particles spread, with 95 percent intervals over tracks.

    Attributes:
        coefficient_um2_s: diffusion coefficient D in square micrometres per second, of a straight line through the MSD.
        exponent: anomalous exponent alpha of ``MSD ~ lag ** alpha``: 1 for Brownian motion, 2 for a straight path, less
            than 1 for confinement; NaN for fewer than 4 usable lags and where D cannot be told from 0.
        localisation_um: standard deviation of the position's error per axis in micrometres, root mean square over axes.
            With an unknown exposure it is too small by what motion blur takes off, at most ``D * frame_interval / 3``
            of its square. NaN where that makes it negative beyond doubt, and where short lags are left out.
        error_variance_um2: its square, negative values and all.
        first_lag: the shortest lag used, in frames.
        last_lag: the longest.
        n_tracks: tracks with at least one step between successive frames.
        n_steps: such steps.
        n_axes: 2 or 3.
        intercept_um2: of the line through the MSD at lag 0, in square micrometres.
    """

    coefficient_um2_s: Estimate
    exponent: Estimate
    localisation_um: Estimate
    error_variance_um2: Estimate
    first_lag: int
    last_lag: int
    n_tracks: int
    n_steps: int
    n_axes: int
    intercept_um2: float


def diffusion(
    tracks: Tracks,
    pixel_size: float | None = None,
    frame_interval: float | None = None,
    *,
    z_step: float | None = None,
    exposure: float | None = None,
    first_lag: int | None = None,
    max_lag: int | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Diffusion:
    """Diffusion coefficient and anomalous exponent of all tracks together.

    For Brownian motion ``MSD = 2 d D (lag - exposure / 3) + 2 d error ** 2`` over d axes. D is the slope of a line
    fitted by generalised least squares with the covariance that Brownian motion gives the lags: for small errors that
    leans on the first two lags, as the covariance-based estimator does (which is their difference), for large ones on
    more. The exponent comes from the same fit of ``lag ** alpha``. Both use only pairs of frames in which a particle
    was detected.

    Where steps two or more frames apart still go together, which neither Brownian motion, localisation errors nor blur
    brings about (but video compression, averaging or interpolation between frames do), shorter lags than that memory
    are left out.

    Args:
        tracks: in pixels and slices.
        pixel_size: micrometres per pixel; by default what the tracks say.
        frame_interval: seconds per frame; by default what the tracks say.
        z_step: micrometres per slice, in three dimensions; by default what the tracks say.
        exposure: seconds a frame is exposed, if known.
        first_lag: shortest lag to use, in frames; by default found from the tracks, nearly always 1.
        max_lag: longest lag to use, in frames; by default a quarter of the typical track, at least 4 and at most 25.
        n_resamples: resamples of tracks for the intervals.
        seed: of the resampling.

    Raises:
        TrackingError: pixel size, frame interval or distance of the slices is unknown or not positive, the exposure is
            longer than a frame, or ``first_lag`` leaves fewer than two lags.
        ValueError: ``first_lag`` or ``max_lag`` is below 1.

    Sources: Vestergaard, Blainey and Flyvbjerg 2014, doi:10.1103/PhysRevE.89.022726; Michalet 2010,
    doi:10.1103/PhysRevE.82.041914; blur: Berglund 2010, doi:10.1103/PhysRevE.82.011917.
    """
    frame_interval = require_frame_interval(tracks, frame_interval)
    exposure = require_exposure(exposure, frame_interval)
    paths = measured_paths(tracks, pixel_size, z_step)
    for name, value in (("first_lag", first_lag), ("max_lag", max_lag)):
        if value is not None and value < 1:
            raise ValueError(f"`{name}` must be at least 1, got {value}")
    return diffusion_of_paths(paths, frame_interval, exposure, first_lag, max_lag, n_resamples, seed)


def diffusion_of_paths(
    paths: Paths,
    frame_interval: float,
    exposure: float | None = None,
    first_lag: int | None = None,
    max_lag: int | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Diffusion:
    """The same as `diffusion` of paths in micrometres.

    Raises:
        TrackingError: ``first_lag`` leaves fewer than two lags.
    """
    n_axes = paths.positions.shape[1]
    length = typical_length(paths)
    # A first lag beyond the tracks is refused below, and needs no room until then.
    begin = max(LONGEST_MEMORY + 1, min(first_lag or 1, length))
    reach = max(max_lag or default_max_lag(paths), begin + MINIMUM_LAGS)
    sums = lag_sums(paths, reach)
    n_steps = sums.n_pairs[:, 0] if len(sums.n_pairs) else np.zeros(0)
    table = np.concatenate([sums.squares.sum(axis=2), sums.n_pairs], axis=1).astype(np.float64)
    n_lags = _lags_with_pairs(sums, length)
    if n_lags < 2:
        nothing = Estimate(np.nan, np.nan, np.nan)
        n_tracks = int(np.count_nonzero(n_steps))
        return Diffusion(nothing, nothing, nothing, nothing, 1, n_lags, n_tracks, int(n_steps.sum()), n_axes, np.nan)
    if first_lag is not None and first_lag >= n_lags:
        raise TrackingError(
            f"--first-lag must be at most {n_lags - 1}, as the longest lag of these tracks is {n_lags} frames and D "
            f"takes two, got {first_lag}"
        )
    drawn = np.concatenate([table.sum(axis=0)[None], resampled_sums(table, n_resamples, np.random.default_rng(seed))])
    with np.errstate(invalid="ignore", divide="ignore"):
        curves = (drawn[:, :reach] / drawn[:, reach:])[:, :n_lags]
    curves = curves[np.isfinite(curves).all(axis=1)]
    n_effective = effective_number(n_steps)
    if first_lag is None:
        found = 1 + step_memory(paths) if n_effective >= MINIMUM_TRACKS else 1
        first_lag = min(found, n_lags - 1)
    last_lag = min(n_lags, max(max_lag or min(length // 4, DEFAULT_LAGS), first_lag + MINIMUM_LAGS - 1))
    return _fitted(curves, first_lag, last_lag, length, n_effective, frame_interval, exposure, n_steps, n_axes)


def typical_length(paths: Paths) -> int:
    """Frames from first to last of the track to which the middle one of all steps belongs; 0 without steps."""
    spans, n_steps = paths.spans, paths.n_spots - 1
    order = np.argsort(spans)
    steps = np.cumsum(n_steps[order])
    return int(spans[order][np.searchsorted(steps, steps[-1] / 2)]) + 1 if n_steps.any() else 0


def _lags_with_pairs(sums: LagSums, length: int) -> int:
    """Number of successive lags from 1 that have pairs and, beyond 2, are shorter than the typical track."""
    has_pairs = sums.n_pairs.sum(axis=0) > 0
    return min(int(np.argmin(np.append(has_pairs, False))), max(length - 1, 2))


def step_memory(paths: Paths) -> int:
    """Frames, beyond the one that errors and blur reach, over which steps are seen to go together; nearly always 0.

    A sum over independent tracks that has no mean is as large as the root of the sum of its squares.
    """
    for memory in range(LONGEST_MEMORY + 1):
        products = step_products(paths, memory + 2)
        spread = float(np.sqrt(np.sum(products**2)))
        # Rarely seen where it is not (1 in 1000), but followed to its end where it is.
        if products.sum() <= (2.0 if memory else 3.0) * spread or spread == 0:
            return memory
    # Steps that go together however far apart are directed motion, and no lag is free of that.
    return 0


def _fitted(
    curves: np.ndarray,
    first_lag: int,
    last_lag: int,
    length: int,
    n_effective: float,
    frame_interval: float,
    exposure: float | None,
    n_steps: np.ndarray,
    n_axes: int,
) -> Diffusion:
    lags = np.arange(first_lag, last_lag + 1)
    lag_s, used = lags * frame_interval, curves[:, lags - 1]
    # Weights only: a rough idea of error over step will do, and the same for all resamples.
    step = (curves[0, first_lag] - curves[0, first_lag - 1]) / n_axes
    total = max(curves[0, 0] / n_axes, np.finfo(float).tiny)
    step = np.clip(step / total, 1e-3, 1.0)
    covariance = msd_covariance(lags, max(length, last_lag + 1), n_axes, step, (1 - step) / 2)
    covariance += np.eye(len(lags)) * 1e-9 * np.trace(covariance)
    slope, intercept = fit_line(used, lag_s, covariance)
    coefficient = slope / (2 * n_axes)
    variance = intercept / (2 * n_axes) + coefficient * (exposure or 0.0) / 3
    exponent = np.full(len(curves), np.nan)
    # Of what does not measurably move there is no manner of moving.
    of_coefficient = _estimate(coefficient, n_effective)
    is_moving = of_coefficient.value > 0 and not of_coefficient.low <= 0
    if len(lags) >= MINIMUM_LAGS and is_moving:
        exponent = fit_power_law(used, lag_s, covariance, exposure, first_lag * frame_interval).exponent
    of_variance = _estimate(variance, n_effective)
    ends = np.array([of_variance.value, of_variance.low, of_variance.high])
    is_known = first_lag == 1 and not of_variance.high < 0
    error = Estimate(*np.sqrt(np.maximum(ends, 0)).tolist()) if is_known else Estimate(np.nan, np.nan, np.nan)
    return Diffusion(
        coefficient_um2_s=of_coefficient,
        exponent=_estimate(exponent, n_effective),
        localisation_um=error,
        error_variance_um2=of_variance,
        first_lag=first_lag,
        last_lag=last_lag,
        n_tracks=int(np.count_nonzero(n_steps)),
        n_steps=int(n_steps.sum()),
        n_axes=n_axes,
        intercept_um2=float(intercept[0]),
    )


def _estimate(values: np.ndarray, n_effective: float) -> Estimate:
    """The first of ``values`` with an interval from the others, which are of resamples."""
    if not np.isfinite(values[0]):
        return Estimate(np.nan, np.nan, np.nan)
    low, high = percentile_interval(values[1:], n_effective)
    return Estimate(float(values[0]), float(low), float(high))
