from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import bootstrap

BOOTSTRAP_SEED = 0
BOOTSTRAP_RESAMPLES = 9999


def defined(values: Iterable[float | None]) -> list[float]:
    """The values that are not None."""
    return [value for value in values if value is not None]


def mean(values: Sequence[float]) -> float | None:
    """Mean; None of no value."""
    return float(np.mean(values)) if values else None


def mean_ci95(values: Sequence[float | None], groups: Sequence[Hashable] | None = None) -> tuple[float, float] | None:
    """95 percent bootstrap percentile interval of the mean, with a fixed seed.

    Args:
        values: one a case; None where it is undefined, which leaves the case out.
        groups: what the cases belong to, such as their patients, one entry a value. Whole groups are drawn with
            replacement, since cases of one patient are alike and tell less than as many patients would. Without it,
            every case is drawn by itself.

    Returns:
        None for fewer than two groups, or two values without groups: they show no spread.

    Raises:
        ValueError: ``groups`` has not one entry a value.

    Source: Davison and Hinkley 1997, doi:10.1017/CBO9780511802843.
    """
    owners: Sequence[Hashable] = range(len(values)) if groups is None else groups
    if len(owners) != len(values):
        raise ValueError(f"`groups` must have one entry a value, got {len(owners)} for {len(values)} values")
    numbers: dict[Hashable, int] = {}  # of the groups, in the order in which they come
    number = [
        numbers.setdefault(owner, len(numbers))
        for owner, value in zip(owners, values, strict=True)
        if value is not None
    ]
    if len(numbers) < 2:
        return None
    interval = bootstrap(
        (np.bincount(number, weights=defined(values)), np.bincount(number)),
        _mean_of_groups,
        paired=True,
        n_resamples=BOOTSTRAP_RESAMPLES,
        batch=1000,  # bounds the memory for thousands of cases
        confidence_level=0.95,
        method="percentile",
        random_state=np.random.default_rng(BOOTSTRAP_SEED),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def _mean_of_groups(
    sums: npt.NDArray[np.float64], sizes: npt.NDArray[np.int64], axis: int = -1
) -> npt.NDArray[np.float64]:
    means: npt.NDArray[np.float64] = sums.sum(axis=axis) / sizes.sum(axis=axis)
    return means
