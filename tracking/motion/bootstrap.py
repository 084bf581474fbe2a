from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

MINIMUM_TRACKS = 5  # below, resampling says next to nothing of the spread between tracks
MAXIMUM_UNITS = 2000
CHUNK = 50


@dataclass(frozen=True)
class Estimate:
    """A number with its interval of confidence.

    Attributes:
        value: the estimate; NaN where there is too little to estimate it from.
        low: lower end of the interval; NaN where no interval can be given.
        high: upper end.
    """

    value: float
    low: float
    high: float

    @property
    def has_interval(self) -> bool:
        """Whether an interval could be given."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))


def resampled_sums(sums: np.ndarray, n_resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Column sums of tables whose rows are drawn from ``sums`` with replacement, as many as there are.

    More than 2,000 rows are first added up at random into 2,000 groups of nearly one size: the sum of a resample has
    the same mean and spread, at a cost that no longer grows with the number of tracks.

    Args:
        sums: one row a track, shape ``(n, m)``.
        n_resamples: how many tables to draw.
        rng: source of randomness.

    Returns:
        Shape ``(n_resamples, m)``.
    """
    if len(sums) > MAXIMUM_UNITS:
        order = rng.permutation(len(sums))
        sums = np.add.reduceat(sums[order], np.linspace(0, len(sums), MAXIMUM_UNITS, endpoint=False).astype(int))
    return np.concatenate([weights @ sums for weights in _weights(len(sums), n_resamples, rng)])


def _weights(n: int, n_resamples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    for start in range(0, n_resamples, CHUNK):
        yield rng.multinomial(n, np.full(n, 1 / n), size=min(CHUNK, n_resamples - start)).astype(np.float64)


def effective_number(weights: np.ndarray) -> float:
    """How many equal tracks say as much as these do together, where ``weights`` are what each contributes.

    Source: Kish, Survey Sampling, 1965, section 11.7.
    """
    total = float(np.sum(weights))
    return total**2 / float(np.sum(np.square(weights))) if total > 0 else 0.0


def percentile_interval(
    replicates: np.ndarray, n_effective: float, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the bootstrap interval of each column.

    Plain percentiles are too narrow for few tracks, for two reasons that are known and mended: a resample of n varies
    as (n - 1) / n of the truth, and the normal quantile stands for Student's. Intervals that mean to cover 95 percent
    cover 91 of a mean of 5 tracks and 93 to 94 of 10 (measured).

    Args:
        replicates: estimates from resamples, shape ``(n_resamples, ...)``.
        n_effective: number of tracks, see `effective_number`; below 5 the ends are NaN.
        confidence: such as 0.95.

    Source: Hesterberg 2015, doi:10.1080/00031305.2015.1089789, section 3.2, "expanded percentiles".
    """
    if n_effective < MINIMUM_TRACKS:
        nothing = np.full(replicates.shape[1:], np.nan)
        return nothing, nothing
    quantile = t.ppf((1 + confidence) / 2, n_effective - 1) * np.sqrt(n_effective / (n_effective - 1))
    outside = float(norm.cdf(-quantile))
    low, high = np.nanquantile(replicates, [outside, 1 - outside], axis=0)
    return low, high
