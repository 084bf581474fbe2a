from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from medseg.bundle.sections import Option, Postprocessing, PostprocessingEvidence
from medseg.inference.postprocess import postprocess
from medseg.metrics import dice, paired_difference

_OPTIONS: tuple[Option, ...] = ("largest_component", "fill_holes")


def choose_postprocessing(
    cases: Iterable[tuple[np.ndarray, np.ndarray]],
    classes: Mapping[int, str],
    groups: Sequence[Hashable] | None = None,
) -> Postprocessing:
    """The options of post-processing that cases held out speak for, each option and class judged by itself.

    An option is kept for a class where the paired 95 percent bootstrap interval of its gain in Dice lies above zero.
    It does not correct for the number of options: with many classes, one can be kept by chance.

    Args:
        cases: prediction and reference of each case, label maps of one shape; the cases were not trained on, and the
            predictions not post-processed. They are taken one at a time.
        classes: name of each label value.
        groups: the patient of each case, where cases of one patient are to be drawn together.

    Raises:
        ValueError: the shapes of a case differ, or ``groups`` has not one entry a case.
    """
    trials: dict[tuple[Option, int], list[tuple[float | None, float | None]]] = {
        (option, value): [] for option in _OPTIONS for value in classes
    }
    for prediction, reference in cases:
        for (option, value), found in trials.items():
            expected = reference == value
            chosen: dict[Option, list[int]] = {option: [value]}
            processed = postprocess(prediction, **chosen)
            found.append((dice(processed == value, expected), dice(prediction == value, expected)))
    evidence = [_evidence(option, value, found, groups) for (option, value), found in trials.items()]
    kept: dict[str, Any] = {
        option: [item.value for item in evidence if item.option == option and item.kept] for option in _OPTIONS
    }
    return Postprocessing(**kept, evidence=evidence)


def _evidence(
    option: Option,
    value: int,
    found: Sequence[tuple[float | None, float | None]],
    groups: Sequence[Hashable] | None,
) -> PostprocessingEvidence:
    difference = paired_difference([after for after, _ in found], [before for _, before in found], groups)
    low, high = difference.ci95 or (None, None)
    return PostprocessingEvidence(
        option=option,
        value=value,
        gain=difference.mean,
        low_95=low,
        high_95=high,
        n=difference.n,
        kept=low is not None and low > 0,
    )
