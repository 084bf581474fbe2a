from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


def require_masks(prediction: Mask, reference: Mask) -> None:
    """Reject anything but two boolean masks of one shape, ``(H, W)`` or ``(D, H, W)``.

    A label map is refused rather than cast: cast to boolean, its classes would silently become one.

    Raises:
        ValueError: a mask is not boolean, not 2D or 3D, or the shapes differ.
    """
    for name, mask in (("prediction", prediction), ("reference", reference)):
        if mask.dtype != np.bool_:
            raise ValueError(f"`{name}` must be a boolean mask, got {mask.dtype}")
        if mask.ndim not in (2, 3):
            raise ValueError(f"`{name}` must have 2 or 3 axes, got shape {mask.shape}")
    require_one_shape(prediction, reference)


def require_spacing(spacing: Sequence[float], axes: int) -> tuple[float, ...]:
    """Return the spacing as plain floats.

    Args:
        spacing: edge lengths of a voxel in mm, in the order of the array's axes.
        axes: how many entries there must be.

    Raises:
        ValueError: ``spacing`` does not have ``axes`` positive, finite entries.
    """
    values = tuple(float(value) for value in spacing)
    if len(values) != axes or not all(np.isfinite(value) and value > 0 for value in values):
        raise ValueError(f"`spacing` must have {axes} positive values, got {values}")
    return values


def require_label_images(prediction: npt.NDArray[np.integer], reference: npt.NDArray[np.integer]) -> None:
    """Reject anything but two label images of one shape, ``(H, W)`` or ``(D, H, W)``, without negative values.

    Raises:
        ValueError: a label image does not hold integers, holds a negative one or is not 2D or 3D, or the shapes differ.
    """
    for name, labels in (("prediction", prediction), ("reference", reference)):
        if not np.issubdtype(labels.dtype, np.integer):
            raise ValueError(f"`{name}` must be a label image of integers, got {labels.dtype}")
        if labels.ndim not in (2, 3):
            raise ValueError(f"`{name}` must have 2 or 3 axes, got shape {labels.shape}")
        if labels.size and labels.min() < 0:
            raise ValueError(f"`{name}` must hold no negative label, got {labels.min()}")
    require_one_shape(prediction, reference)


def require_one_shape(prediction: npt.NDArray[np.generic], reference: npt.NDArray[np.generic]) -> None:
    """Reject two arrays of different shapes.

    Raises:
        ValueError: the shapes differ.
    """
    if prediction.shape != reference.shape:
        raise ValueError(
            f"`prediction` and `reference` must have one shape, got {prediction.shape} and {reference.shape}"
        )
