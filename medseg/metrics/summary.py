from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from medseg.metrics.case import ClassScore
from medseg.metrics.mean import defined, mean, mean_ci95


@dataclass(frozen=True)
class ClassSummary:
    """One class over many cases.

    Every mean is over the cases where its measure is defined, and how many those are stands beside it: a model that
    misses a structure loses the case from its HD95 mean, which must not look like an improvement (MONAI issue 9095).
    A mean over no case at all is None.

    Attributes:
        n: cases where Dice, and with it the NSD, is defined.
        n_undefined: cases where neither prediction nor reference holds the class.
        missed: cases where only the reference holds it; their Dice and NSD are 0.
        spurious: cases where only the prediction holds it; their Dice and NSD are 0.
        dice_mean: mean Dice over the ``n`` cases.
        dice_std: sample standard deviation (n - 1); None for fewer than two cases.
        dice_ci95: 95 percent bootstrap percentile interval of the mean, patients drawn with replacement and a fixed
            seed; None for fewer than two of them.
        dice_min: the worst case.
        hd95_mean: in mm, over the cases where both hold the class.
        hd95_undefined: cases left out of ``hd95_mean``: the missed, the spurious and the ``n_undefined``.
        nsd_mean: mean normalised surface Dice over the ``n`` cases.
        volume_error_ml_mean: mean size of the volume error over all cases; None for 2D images.
    """

    n: int
    n_undefined: int
    missed: int
    spurious: int
    dice_mean: float | None
    dice_std: float | None
    dice_ci95: tuple[float, float] | None
    dice_min: float | None
    hd95_mean: float | None
    hd95_undefined: int
    nsd_mean: float | None
    volume_error_ml_mean: float | None

    def to_dict(self) -> dict[str, Any]:
        """All attributes by name, ready for JSON; undefined values are None."""
        return asdict(self)


def summarise(
    cases: Sequence[Mapping[str, ClassScore]], patients: Sequence[Hashable] | None = None
) -> dict[str, ClassSummary]:
    """Summarise the scores of many cases, class by class.

    Args:
        cases: what ``score_case`` returned for each case.
        patients: whom each case is of; without it every case is of a patient of its own.

    Returns:
        The summaries by class name, in the order of the first case.

    Raises:
        ValueError: there is no case, the cases do not all score the same classes, or ``patients`` has not one entry a
            case.
    """
    if not cases:
        raise ValueError("`cases` must hold at least one case, got none")
    for case in cases:
        if case.keys() != cases[0].keys():
            raise ValueError(f"`cases` must all score the same classes, got {list(cases[0])} and {list(case)}")
    return {name: _summarise_class([case[name] for case in cases], patients) for name in cases[0]}


def _summarise_class(scores: Sequence[ClassScore], patients: Sequence[Hashable] | None) -> ClassSummary:
    dices = defined(score.dice for score in scores)
    distances = defined(score.hd95 for score in scores)
    return ClassSummary(
        n=len(dices),
        n_undefined=len(scores) - len(dices),
        missed=sum(score.missed for score in scores),
        spurious=sum(score.spurious for score in scores),
        dice_mean=mean(dices),
        dice_std=float(np.std(dices, ddof=1)) if len(dices) > 1 else None,
        dice_ci95=mean_ci95([score.dice for score in scores], patients),
        dice_min=min(dices, default=None),
        hd95_mean=mean(distances),
        hd95_undefined=len(scores) - len(distances),
        nsd_mean=mean(defined(score.nsd for score in scores)),
        volume_error_ml_mean=mean(defined(score.volume_error_ml for score in scores)),
    )
