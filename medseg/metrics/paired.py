from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from medseg.metrics.mean import mean, mean_ci95

# Of fewer, differences that all point one way come about by chance more often than once in twenty (sign test).
FEWEST_GROUPS = 6


@dataclass(frozen=True)
class PairedDifference:
    """How two systems differ on the same cases.

    Attributes:
        mean: mean over cases of a - b; None where no case has both.
        ci95: its 95 percent bootstrap percentile interval; None for fewer than two groups.
        n: cases with both.
        n_undefined: cases left out, because a or b is None there. Where one system misses a structure its HD95 is
            None, so a difference of HD95 says nothing of the structures missed.
        n_groups: groups, such as patients, that the ``n`` cases belong to.
    """

    mean: float | None
    ci95: tuple[float, float] | None
    n: int
    n_undefined: int
    n_groups: int


def paired_difference(
    a: Sequence[float | None], b: Sequence[float | None], groups: Sequence[Hashable] | None = None
) -> PairedDifference:
    """Mean difference a - b of one measure of two systems over the same cases, with its interval.

    The interval is that of the difference itself. It is narrower than two intervals side by side suggest, because a
    case that is hard for one system is mostly hard for the other.

    Args:
        a: the measure of one system, one entry a case; None where it is undefined.
        b: that of the other system, in the same order of cases.
        groups: the patient, or whatever else binds cases together, of each case. Whole groups are resampled with a
            fixed seed; the mean is over cases all the same. Without it every case is a group.

    Raises:
        ValueError: the three do not have one entry a case each.
    """
    owners = range(len(a)) if groups is None else groups
    if not len(a) == len(b) == len(owners):
        raise ValueError(
            f"`a`, `b` and `groups` must have one entry a case each, got {len(a)}, {len(b)} and {len(owners)}"
        )
    pairs = [(x - y, owner) for x, y, owner in zip(a, b, owners, strict=True) if x is not None and y is not None]
    differences, kept = [difference for difference, _ in pairs], [owner for _, owner in pairs]
    return PairedDifference(
        mean=mean(differences),
        ci95=mean_ci95(differences, kept),
        n=len(pairs),
        n_undefined=len(a) - len(pairs),
        n_groups=len(set(kept)),
    )
