"""How far probabilities are from what comes true, and how often regions hold what they say."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """Probabilities in bins; bins without any are left out.

    Attributes:
        predicted: Mean probability of each bin, shape ``(b,)``.
        came_true: Share of it that came true, shape ``(b,)``.
        count: How many there are, shape ``(b,)``.
    """

    predicted: np.ndarray
    came_true: np.ndarray
    count: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of the two over all that was predicted; NaN of nothing.

        Source: Guo et al. 2017, On Calibration of Modern Neural Networks, equation 3.
        """
        if not self.count.sum():
            return float("nan")
        return float((np.abs(self.predicted - self.came_true) * self.count).sum() / self.count.sum())


def reliability_curve(
    probability: np.ndarray, is_true: np.ndarray, *, n_bins: int = 10, equal_mass: bool
) -> ReliabilityCurve:
    """Put probabilities into bins that hold equally many of them, or that are equally wide.

    Args:
        probability: Shape ``(n,)``.
        is_true: Whether it came true, shape ``(n,)``.
        n_bins: How many bins.
        equal_mass: Which of both; equal probabilities may lie in two bins of equal mass.
    """
    if equal_mass:
        bins = np.empty(len(probability), np.int64)
        bins[np.argsort(probability, kind="stable")] = np.arange(len(probability)) * n_bins // max(len(probability), 1)
    else:
        bins = np.minimum((probability * n_bins).astype(np.int64), n_bins - 1)
    count = np.bincount(bins, minlength=n_bins)
    used = count > 0
    sums = [np.bincount(bins, values.astype(np.float64), n_bins)[used] for values in (probability, is_true)]
    return ReliabilityCurve(sums[0] / count[used], sums[1] / count[used], count[used])


def coverage(squared_distance: np.ndarray, n_axes: int, level: float = 0.95) -> float:
    """Share of the squared Mahalanobis distances that lie in the region of that probability; NaN of none."""
    if not len(squared_distance):
        return float("nan")
    return float((squared_distance <= chi2.ppf(level, n_axes)).mean())
