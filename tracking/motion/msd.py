import numpy as np
import pandas as pd

from tracking.motion.bootstrap import effective_number, percentile_interval, resampled_sums
from tracking.motion.displacements import default_max_lag, lag_sums
from tracking.motion.paths import measured_paths
from tracking.motion.units import require_frame_interval
from tracking.tracks import Tracks


def time_averaged_msd(
    tracks: Tracks,
    pixel_size: float | None = None,
    frame_interval: float | None = None,
    *,
    z_step: float | None = None,
    max_lag: int | None = None,
) -> pd.DataFrame:
    """Mean squared displacement of each track, over all pairs of its spots that are a lag apart.

    Only pairs of frames in which the particle was detected count; spots marked ``virtual`` do not. Merges and splits
    end a track.

    Args:
        tracks: in pixels and slices.
        pixel_size: micrometres per pixel; by default what the tracks say.
        frame_interval: seconds per frame; by default what the tracks say.
        z_step: micrometres per slice, in three dimensions; by default what the tracks say.
        max_lag: the largest lag in frames; by default a quarter of the longest track, at most 25.

    Returns:
        One row for every track and lag that has a pair: ``particle``, ``lag`` (frames), ``lag_s``, ``msd_um2``
        (summed over the axes), ``n_pairs``, and ``n_independent``, the pairs that do not overlap in time.

    Raises:
        TrackingError: pixel size, frame interval or distance of the slices is unknown or not positive.
        ValueError: ``max_lag`` is below 1.
    """
    frame_interval = require_frame_interval(tracks, frame_interval)
    paths = measured_paths(tracks, pixel_size, z_step)
    sums = lag_sums(paths, _require_max_lag(max_lag, default_max_lag(paths)))
    row, column = np.nonzero(sums.n_pairs)
    n_pairs = sums.n_pairs[row, column]
    return pd.DataFrame(
        {
            "particle": paths.particles[row],
            "lag": column + 1,
            "lag_s": (column + 1) * frame_interval,
            "msd_um2": sums.squares[row, column].sum(axis=1) / n_pairs,
            "n_pairs": n_pairs,
            "n_independent": sums.n_independent[row, column],
        }
    )


def ensemble_msd(
    tracks: Tracks,
    pixel_size: float | None = None,
    frame_interval: float | None = None,
    *,
    z_step: float | None = None,
    max_lag: int | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean squared displacement over all tracks, every pair of spots counting the same.

    Args:
        tracks: in pixels and slices.
        pixel_size: micrometres per pixel; by default what the tracks say.
        frame_interval: seconds per frame; by default what the tracks say.
        z_step: micrometres per slice, in three dimensions; by default what the tracks say.
        max_lag: the largest lag in frames; by default a quarter of the longest track, at most 25.
        n_resamples: tables drawn for the intervals.
        seed: of the resampling.

    Returns:
        One row for every lag that has a pair: ``lag`` (frames), ``lag_s``, ``msd_um2``, ``low_um2`` and ``high_um2``
        (95 percent interval from resampling tracks, NaN for fewer than 5), ``n_pairs``, ``n_independent`` (pairs that
        do not overlap in time) and ``n_tracks``.

    Raises:
        TrackingError: pixel size, frame interval or distance of the slices is unknown or not positive.
        ValueError: ``max_lag`` is below 1.
    """
    frame_interval = require_frame_interval(tracks, frame_interval)
    paths = measured_paths(tracks, pixel_size, z_step)
    sums = lag_sums(paths, _require_max_lag(max_lag, default_max_lag(paths)))
    lags = np.flatnonzero(sums.n_pairs.sum(axis=0))
    squares, n_pairs = sums.squares.sum(axis=2)[:, lags], sums.n_pairs[:, lags]
    low, high = np.full((2, len(lags)), np.nan)
    if len(lags):
        both = np.concatenate([squares, n_pairs], axis=1).astype(np.float64)
        drawn = resampled_sums(both, n_resamples, np.random.default_rng(seed))
        with np.errstate(invalid="ignore"):  # a resample may hold none of the few tracks that have this lag
            replicates = drawn[:, : len(lags)] / drawn[:, len(lags) :]
        for index in range(len(lags)):
            n_effective = effective_number(n_pairs[:, index])
            low[index], high[index] = percentile_interval(replicates[:, index], n_effective)
    return pd.DataFrame(
        {
            "lag": lags + 1,
            "lag_s": (lags + 1) * frame_interval,
            "msd_um2": squares.sum(axis=0) / n_pairs.sum(axis=0),
            "low_um2": low,
            "high_um2": high,
            "n_pairs": n_pairs.sum(axis=0),
            "n_independent": sums.n_independent[:, lags].sum(axis=0),
            "n_tracks": (n_pairs > 0).sum(axis=0),
        }
    )


def _require_max_lag(max_lag: int | None, default: int) -> int:
    if max_lag is None:
        return default
    if max_lag < 1:
        raise ValueError(f"`max_lag` must be at least 1, got {max_lag}")
    return max_lag
