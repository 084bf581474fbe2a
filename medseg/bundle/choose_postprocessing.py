from collections.abc import Hashable, Sequence

from medseg.bundle.sections import Option, Postprocessing, PostprocessingEvidence
from medseg.bundle.try_postprocessing import PostprocessingTrial
from medseg.metrics import paired_difference
from medseg.metrics.paired import FEWEST_GROUPS


def choose_postprocessing(
    cases: Sequence[Sequence[PostprocessingTrial]], groups: Sequence[Hashable] | None = None
) -> Postprocessing:
    """The options of post-processing that cases held out speak for, each option and class judged by itself.

    An option is kept for a class where the paired 95 percent bootstrap interval of its gain in Dice lies above zero,
    and that over `FEWEST_GROUPS` patients at least. It does not correct for the number of options: with many classes,
    one can be kept by chance. What two options do together is not tried.

    Args:
        cases: what `try_postprocessing` found of each case.
        groups: the patient of each case, where cases of one patient are to be drawn together.

    Raises:
        ValueError: the cases were not tried alike, or ``groups`` has not one entry a case.
    """
    kinds = [[(trial.option, trial.value) for trial in trials] for trials in cases]
    if any(kind != kinds[0] for kind in kinds):
        raise ValueError("`cases` must hold trials of the same options and classes in the same order")
    evidence = [_evidence(trials, groups) for trials in zip(*cases, strict=True)]

    def kept(option: Option) -> list[int]:
        return sorted(item.value for item in evidence if item.option == option and item.kept)

    return Postprocessing(largest_component=kept("largest_component"), fill_holes=kept("fill_holes"), evidence=evidence)


def _evidence(trials: Sequence[PostprocessingTrial], groups: Sequence[Hashable] | None) -> PostprocessingEvidence:
    difference = paired_difference([trial.after for trial in trials], [trial.before for trial in trials], groups)
    low, high = difference.ci95 or (None, None)
    return PostprocessingEvidence(
        option=trials[0].option,
        value=trials[0].value,
        gain=difference.mean,
        low_95=low,
        high_95=high,
        n=difference.n,
        kept=low is not None and low > 0 and difference.n_groups >= FEWEST_GROUPS,
    )
