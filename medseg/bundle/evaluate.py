from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medseg.bundle.load import LoadedBundle
from medseg.bundle.metadata import BundleMetadata
from medseg.bundle.predict import Prediction, predict
from medseg.bundle.try_postprocessing import PostprocessingTrial, try_postprocessing
from medseg.errors import UserError
from medseg.io import read_image, read_label, require_same_geometry
from medseg.metrics import (
    CalibrationScore,
    ClassScore,
    InstanceScore,
    score_calibration,
    score_case,
    score_instances,
)


@dataclass(frozen=True)
class CaseScore:
    """How a prediction compares with the label of its case.

    Attributes:
        classes: the scores of the label, by class name.
        calibration: how far the probabilities can be believed; None where they are not of classes that exclude each
            other.
        instances: the scores of the objects; None of a bundle whose labels are classes.
        trials: what options of post-processing would do to the label; none where they were not tried.
    """

    classes: dict[str, ClassScore]
    calibration: CalibrationScore | None
    instances: InstanceScore | None = None
    trials: tuple[PostprocessingTrial, ...] = ()


def score_files(
    bundles: Sequence[LoadedBundle],
    image_path: Path,
    label_path: Path,
    tolerance_mm: float,
    mirror: bool = False,
    with_trials: bool = False,
) -> CaseScore:
    """Segment an image with one bundle or an ensemble and score it against its label, in the image's own geometry.

    ``with_trials`` tries options of post-processing, where labels are classes. The bundles must have no such section of
    their own, or the trials would be of what is post-processed already.

    Raises:
        UserError: a file cannot be read, the two differ in geometry, the image does not fit the network, or the label
            holds a value that is no class of the bundle; the sentence names the file.
    """
    image, label = read_image(image_path), read_label(label_path)
    require_same_geometry(image, label, f"`{image_path}`", f"`{label_path}`")
    try:
        prediction = predict(bundles, image, mirror=mirror)
    except UserError as error:
        raise UserError(f"`{image_path}`: {error}") from error
    try:
        metadata = bundles[0].metadata
        found, expected = prediction.label, label.data[0]
        tried = with_trials and not metadata.has_instances
        return replace(
            score_label(found, expected, image.spacing, metadata, tolerance_mm),
            calibration=case_calibration(bundles[0], prediction, expected),
            trials=try_postprocessing(found, expected, metadata.classes) if tried else (),
        )
    except UserError as error:
        raise UserError(f"`{label_path}`: {error}") from error


def score_label(
    predicted: np.ndarray, label: np.ndarray, spacing: Sequence[float], metadata: BundleMetadata, tolerance_mm: float
) -> CaseScore:
    """Score a predicted label against the true one of the same shape; nothing is said of probabilities.

    Raises:
        UserError: the label holds a value that is no class of the bundle, or objects with negative numbers.
    """
    if not metadata.has_instances:
        return CaseScore(score_case(predicted, label, spacing, metadata.classes, tolerance_mm), None)
    try:
        instances = score_instances(predicted, label)
    except ValueError as error:
        raise UserError(str(error)) from error
    found, expected = ((part > 0).astype(np.uint8) for part in (predicted, label))  # all objects are the one class
    return CaseScore(score_case(found, expected, spacing, metadata.classes, tolerance_mm), None, instances)


def case_calibration(bundle: LoadedBundle, prediction: Prediction, label: np.ndarray) -> CalibrationScore | None:
    """Reliability of the probabilities of a case; None where they are not of classes that exclude each other.

    Of a bundle that finds objects, those of the foreground.

    Raises:
        UserError: the label holds a value that the bundle has no channel for, or the network gave NaN.
    """
    probabilities = prediction.probabilities
    if probabilities is None:
        return None
    if bundle.channels == "foreground":
        probabilities, label = probabilities[:1], (label > 0).astype(np.uint8)
    elif not gives_class_probabilities(bundle, len(probabilities)):
        return None
    try:
        return score_calibration(probabilities, label)
    except ValueError as error:
        raise UserError(f"the probabilities of bundle `{bundle.name}` cannot be scored: {error}") from error


def gives_class_probabilities(bundle: LoadedBundle, channels: int) -> bool:
    """Whether the channels are probabilities of classes that exclude each other."""
    return bundle.channels == "classes" or (bundle.channels == "independent" and channels == 1)
