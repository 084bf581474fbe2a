from collections.abc import Mapping

import numpy as np
from pydantic import BaseModel

from medseg.bundle.sections import Class, Option
from medseg.inference.postprocess import postprocess
from medseg.metrics import dice

_OPTIONS: tuple[Option, ...] = ("largest_component", "fill_holes")


class PostprocessingTrial(BaseModel, extra="forbid", frozen=True):
    """Dice of a class of one case before and after an option of post-processing; None where it is undefined."""

    option: Option
    value: Class
    before: float | None
    after: float | None


def try_postprocessing(
    prediction: np.ndarray, reference: np.ndarray, classes: Mapping[int, str]
) -> tuple[PostprocessingTrial, ...]:
    """Try every option of post-processing on every class of a case, each by itself.

    Args:
        prediction: label map ``(D, H, W)`` or ``(H, W)``, not post-processed, of a case that was not trained on.
        reference: its true label map, of the same shape.
        classes: name of each label value.

    Raises:
        ValueError: the shapes differ.
    """
    trials = []
    for value in classes:
        expected = reference == value
        before = dice(prediction == value, expected)
        for option in _OPTIONS:
            chosen: dict[Option, list[int]] = {option: [value]}
            after = dice(postprocess(prediction, **chosen) == value, expected)
            trials.append(PostprocessingTrial(option=option, value=value, before=before, after=after))
    return tuple(trials)
