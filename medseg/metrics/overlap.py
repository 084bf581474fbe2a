from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medseg.metrics.validation import Mask, require_masks, require_spacing

CUBIC_MM_PER_ML = 1000.0


def dice(prediction: Mask, reference: Mask) -> float | None:
    """Dice coefficient 2 |P ∩ R| / (|P| + |R|), from 0 to 1.

    Args:
        prediction: boolean mask, shape ``(D, H, W)`` or ``(H, W)``.
        reference: boolean mask of the same shape.

    Returns:
        None where both masks are empty: there is nothing to agree on, and counting it as 1 would reward a data set for
        the structures it lacks. 0.0 where exactly one is empty.

    Raises:
        ValueError: a mask is not boolean, or the shapes differ.

    Source: Dice 1945, Ecology 26(3), doi:10.2307/1932409.
    """
    require_masks(prediction, reference)
    size = np.count_nonzero(prediction) + np.count_nonzero(reference)
    if size == 0:
        return None
    return float(2 * np.count_nonzero(prediction & reference) / size)


def volume_ml(mask: Mask, spacing: Sequence[float]) -> float:
    """Volume of a mask, in ml: its voxels times the volume of one.

    Args:
        mask: boolean, shape ``(D, H, W)``. A 2D mask has an area and no volume, and is refused.
        spacing: edge lengths of a voxel in mm, in the order of the array's axes.

    Raises:
        ValueError: the mask is not boolean or not 3D, or ``spacing`` does not have 3 positive values.
    """
    if mask.dtype != np.bool_ or mask.ndim != 3:
        raise ValueError(f"`mask` must be a boolean mask with 3 axes, got {mask.dtype} of shape {mask.shape}")
    return float(np.count_nonzero(mask) * np.prod(require_spacing(spacing, 3)) / CUBIC_MM_PER_ML)


@dataclass(frozen=True)
class VolumeError:
    """How far a predicted volume is off.

    Attributes:
        ml: size of the difference, without a sign, so that errors do not cancel in a mean.
        relative: ``ml`` over the reference's volume; None where the reference is empty.
    """

    ml: float
    relative: float | None


def volume_error(prediction: Mask, reference: Mask, spacing: Sequence[float]) -> VolumeError:
    """Absolute and relative difference of two volumes.

    Args:
        prediction: boolean mask, shape ``(D, H, W)``.
        reference: boolean mask of the same shape.
        spacing: edge lengths of a voxel in mm, in the order of the array's axes.

    Raises:
        ValueError: a mask is not boolean or not 3D, the shapes differ, or ``spacing`` does not have 3 positive values.
    """
    require_masks(prediction, reference)
    reference_ml = volume_ml(reference, spacing)
    error = abs(volume_ml(prediction, spacing) - reference_ml)
    return VolumeError(ml=error, relative=error / reference_ml if reference_ml else None)
