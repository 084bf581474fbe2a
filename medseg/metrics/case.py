from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medseg.errors import UserError
from medseg.metrics.overlap import dice, volume_error, volume_ml
from medseg.metrics.surface import hausdorff, surface_dice, surface_distances

BACKGROUND = 0


@dataclass(frozen=True)
class ClassScore:
    """One class of one case; None where a measure is undefined.

    Attributes:
        dice: None where prediction and reference are both empty.
        hd95: 95th percentile of the Hausdorff distance, in mm; None where either is empty.
        nsd: normalised surface Dice; None where both are empty.
        volume_ml: predicted volume; None for a 2D image, which has none. So are the two below.
        reference_volume_ml: volume of the reference.
        volume_error_ml: size of their difference, without a sign.
        missed: the reference holds the class and the prediction does not.
        spurious: the prediction holds the class and the reference does not.
    """

    dice: float | None
    hd95: float | None
    nsd: float | None
    volume_ml: float | None
    reference_volume_ml: float | None
    volume_error_ml: float | None
    missed: bool
    spurious: bool

    @property
    def jaccard(self) -> float | None:
        """Jaccard index, intersection over union, which follows from Dice as D / (2 - D)."""
        return None if self.dice is None else self.dice / (2 - self.dice)


def score_case(
    prediction: npt.NDArray[np.generic],
    reference: npt.NDArray[np.generic],
    spacing: Sequence[float],
    classes: Mapping[int, str],
    tolerance_mm: float = 1.0,
) -> dict[str, ClassScore]:
    """Score a predicted label map against its reference, class by class.

    Args:
        prediction: label values, shape ``(D, H, W)`` or ``(H, W)``; 0 is the background.
        reference: label values, of the same shape.
        spacing: edge lengths of a voxel in mm, in the order of the arrays' axes.
        classes: name of each label value to score.
        tolerance_mm: of the normalised surface Dice.

    Returns:
        The scores by class name, in the order of ``classes``.

    Raises:
        UserError: a label map holds a value that ``classes`` does not name, or two classes have one name.
        ValueError: the shapes differ, or ``spacing`` does not have one positive value per axis.
    """
    if not classes or len(set(classes.values())) < len(classes):
        raise UserError(f"`classes` must name at least one class, each by a name of its own, got {dict(classes)}")
    _require_known_values("prediction", prediction, classes)
    _require_known_values("reference", reference, classes)
    return {
        name: _score_class(prediction == value, reference == value, spacing, tolerance_mm)
        for value, name in classes.items()
    }


def _score_class(
    prediction: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_], spacing: Sequence[float], tolerance_mm: float
) -> ClassScore:
    distances = surface_distances(prediction, reference, spacing)
    has_volume = prediction.ndim == 3
    predicted, expected = bool(prediction.any()), bool(reference.any())
    return ClassScore(
        dice=dice(prediction, reference),
        hd95=hausdorff(distances, percentile=95),
        nsd=surface_dice(distances, tolerance_mm),
        volume_ml=volume_ml(prediction, spacing) if has_volume else None,
        reference_volume_ml=volume_ml(reference, spacing) if has_volume else None,
        volume_error_ml=volume_error(prediction, reference, spacing).ml if has_volume else None,
        missed=expected and not predicted,
        spurious=predicted and not expected,
    )


def _require_known_values(name: str, labels: npt.NDArray[np.generic], classes: Mapping[int, str]) -> None:
    known = {BACKGROUND: "background", **classes}
    unexpected = [value.item() for value in np.unique(labels) if value not in known]
    if unexpected:
        values = ", ".join(map(str, unexpected))
        known_text = ", ".join(f"{value} ({class_name})" for value, class_name in sorted(known.items()))
        raise UserError(f"the {name} holds the label values {values}; the known classes are {known_text}")
