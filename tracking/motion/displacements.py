from dataclasses import dataclass

import numpy as np

from tracking.motion.paths import Paths

DEFAULT_LAGS = 25


@dataclass(frozen=True, eq=False)
class LagSums:
    """Sums over pairs of spots of one particle that are a given number of frames apart.

    Attributes:
        squares: sum of squared displacements per axis in square micrometres, shape ``(p, lags, d)``; lags from 1.
        n_pairs: number of pairs, shape ``(p, lags)``.
        n_independent: number of pairs that do not overlap in time, shape ``(p, lags)``.
    """

    squares: np.ndarray
    n_pairs: np.ndarray
    n_independent: np.ndarray


def clock(paths: Paths, max_lag: int) -> np.ndarray:
    """One line of time for the spots of all particles, shape ``(n,)``.

    Two spots are ``k <= max_lag`` apart on it exactly if they are of one particle and ``k`` frames apart. Each particle
    begins beyond the reach of the one before, and long gaps are shortened to just beyond reach, which keeps the numbers
    small whatever the frames.
    """
    far = max_lag + 1
    steps = np.where(np.diff(paths.code) == 0, np.minimum(np.diff(paths.frame), far), far)
    return np.concatenate(([0], np.cumsum(steps)))[: len(paths.code)]


def pairs_at_lag(times: np.ndarray, lag: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the earlier and of the later spot of all pairs that are ``lag`` frames apart, in the order of the rows.

    Args:
        times: what `clock` gives for a ``max_lag`` of at least ``lag``.
        lag: frames between the two.
    """
    # Without gaps the later spot is `lag` rows on; only where it is not, at gaps and ends of tracks, it is looked for.
    is_plain = np.zeros(len(times), bool)
    is_plain[:-lag] = times[lag:] - times[:-lag] == lag
    plain = np.flatnonzero(is_plain)
    rest = np.flatnonzero(~is_plain)
    later = np.searchsorted(times, times[rest] + lag)
    is_pair = later < len(times)
    is_pair[is_pair] = times[later[is_pair]] == times[rest[is_pair]] + lag
    if not is_pair.any():
        return plain, plain + lag
    earlier = np.concatenate([plain, rest[is_pair]])
    order = np.argsort(earlier, kind="stable")
    return earlier[order], np.concatenate([plain + lag, later[is_pair]])[order]


def lag_sums(paths: Paths, max_lag: int) -> LagSums:
    """Sums of squared displacements of each particle at the lags 1 to ``max_lag``.

    Pairs that do not overlap are those that begin a whole number of lags after one another; of the possible beginnings
    the one that gives most of them counts.
    """
    n, d = paths.n_particles, paths.positions.shape[1]
    squares, n_pairs = np.zeros((n, max_lag, d)), np.zeros((n, max_lag), np.int64)
    n_independent = np.zeros((n, max_lag), np.int64)
    times, columns = clock(paths, max_lag), np.ascontiguousarray(paths.positions.T)
    for lag in range(1, max_lag + 1):
        earlier, later = pairs_at_lag(times, lag)
        if not len(earlier):
            continue
        of = paths.code[earlier]
        for axis, along in enumerate(columns):
            squares[:, lag - 1, axis] = np.bincount(of, (along[later] - along[earlier]) ** 2, n)
        n_pairs[:, lag - 1] = np.bincount(of, minlength=n)
        phases = np.bincount(of * lag + paths.frame[earlier] % lag, minlength=n * lag)
        n_independent[:, lag - 1] = phases.reshape(n, lag).max(axis=1)
    return LagSums(squares, n_pairs, n_independent)


def step_products(paths: Paths, apart: int) -> np.ndarray:
    """Sum over each track of the scalar products of steps that begin ``apart`` frames after one another.

    Shape ``(p,)``. A step leads from a spot to that of the next frame.
    """
    earlier, later = pairs_at_lag(clock(paths, 1), 1)
    steps = paths.positions[later] - paths.positions[earlier]
    beginnings = Paths(paths.particles, paths.code[earlier], paths.frame[earlier], steps)
    first, second = pairs_at_lag(clock(beginnings, apart), apart)
    products = np.sum(steps[first] * steps[second], axis=1)
    return np.bincount(beginnings.code[first], products, paths.n_particles)


def default_max_lag(paths: Paths) -> int:
    """A quarter of the longest track, at least 1 and at most 25 frames: beyond, few pairs are independent."""
    longest = int(paths.spans.max()) if paths.n_particles else 0
    return int(np.clip(longest // 4, 1, DEFAULT_LAGS))
