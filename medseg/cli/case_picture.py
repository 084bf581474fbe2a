from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from medseg.io import Image

_MARGIN = 0.1


@dataclass(frozen=True, eq=False)
class CasePicture:
    """A slice of a case, as it is to be drawn: rows from the top, columns from the left.

    Attributes:
        image: shape ``(H, W)`` or, with colours from 0 to 1, ``(H, W, 3)``.
        reference: true label, shape ``(H, W)``.
        labels: predicted labels by bundle, of the same shape.
        aspect: height of a pixel over its width.
    """

    image: npt.NDArray[Any]
    reference: npt.NDArray[Any]
    labels: dict[str, npt.NDArray[Any]]
    aspect: float


def take_picture(image: "Image", reference: npt.NDArray[Any], labels: Mapping[str, npt.NDArray[Any]]) -> CasePicture:
    """What is to be seen of a case: of a volume the slice with most of the reference, cropped to what is labelled.

    A volume is cut across its coarsest axis, as it was scanned; where all are alike, the head or the front is up and
    the patient's left is at the left.
    """
    planes = [reference, *labels.values()]
    voxels, spacing = image.data, image.spacing
    if reference.ndim == 3:
        voxels, planes, spacing = _slice(image, planes)
    (left, right), (low, high) = _box(np.any([plane > 0 for plane in planes], axis=0))
    drawn, true, *found = (
        np.swapaxes(array[..., left:right, low:high], -1, -2)[..., :: -1 if reference.ndim == 3 else 1, :]
        for array in (voxels, *planes)
    )
    return CasePicture(_shades(drawn), true, dict(zip(labels, found, strict=True)), spacing[1] / spacing[0])


def _slice(
    image: "Image", planes: list[npt.NDArray[Any]]
) -> tuple[npt.NDArray[Any], list[npt.NDArray[Any]], tuple[float, ...]]:
    """One slice of all, in RAS orientation: voxels ``(C, X, Y)``, labels ``(X, Y)``, and their spacing."""
    from nibabel.orientations import apply_orientation, io_orientation

    axes = io_orientation(image.affine)
    voxels = np.stack([apply_orientation(channel, axes) for channel in image.data])
    planes = [apply_orientation(plane, axes) for plane in planes]
    spacing = [image.spacing[int(old)] for old in np.argsort(axes[:, 0])]
    across = max(range(3), key=lambda axis: (round(spacing[axis], 1), axis))
    wanted = planes[0] if planes[0].any() else np.any(planes, axis=0)
    others = tuple(axis for axis in range(3) if axis != across)
    per_slice = np.count_nonzero(wanted, axis=others)
    number = int(per_slice.argmax()) if per_slice.any() else len(per_slice) // 2
    return (
        np.take(voxels, number, axis=across + 1),
        [np.take(plane, number, axis=across) for plane in planes],
        tuple(spacing[axis] for axis in others),
    )


def _box(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last of every axis, and some margin round them; all of it where nothing is labelled."""
    found = []
    for axis, size in enumerate(mask.shape):
        filled = np.flatnonzero(mask.any(axis=1 - axis))
        first, last = (filled[0], filled[-1] + 1) if filled.size else (0, size)
        margin = max(3, round(_MARGIN * (last - first)))
        found.append((max(0, int(first) - margin), min(size, int(last) + margin)))
    return found


def _shades(channels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Channels ``(C, H, W)`` as shades from 0 to 1: the first, ``(H, W)``, or the colours of a photograph."""
    is_colour = channels.dtype == np.uint8 and len(channels) >= 3
    shown = np.moveaxis(channels[:3], 0, -1) if is_colour else channels[0]
    low, high = (float(value) for value in np.percentile(shown, (0.5, 99.5)))
    shades: npt.NDArray[Any] = np.clip((shown.astype(np.float64) - low) / max(high - low, 1e-9), 0, 1)
    return shades
