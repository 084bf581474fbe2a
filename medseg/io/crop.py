from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from medseg.errors import UserError
from medseg.io.image import Image


def crop(image: Image, centre_mm: Sequence[float], size_mm: Sequence[float]) -> Image:
    """The box of about ``size_mm`` round a world position, its edges along the voxel axes; no voxel is resampled.

    What lies beyond the image is cut off.

    Args:
        image: a 2D or 3D image.
        centre_mm: world position of the box's centre, one value an axis of the world (RAS+ in 3D).
        size_mm: edge lengths along the world's axes; each goes to the voxel axis nearest to it.

    Raises:
        UserError: the box lies outside the image.
    """
    axes = len(image.spatial_shape)
    centre = np.linalg.solve(image.affine, [*centre_mm, 1.0])[:axes]
    world_axis_of = np.abs(image.affine[:axes, :axes]).argmax(axis=0)
    size = np.asarray(size_mm, float)[world_axis_of] / image.spacing
    start = np.round(centre - (size - 1) / 2).astype(int)
    low = np.clip(start, 0, image.spatial_shape)
    high = np.clip(start + np.round(size).astype(int), 0, image.spatial_shape)
    if np.any(high <= low):
        raise UserError(f"the box of {tuple(size_mm)} mm round {tuple(centre_mm)} lies outside the image")
    affine = image.affine.copy()
    affine[:axes, axes] = (image.affine @ [*low, 1.0])[:axes]
    box = tuple(slice(first, last) for first, last in zip(low, high, strict=True))
    return replace(image, data=image.data[(slice(None), *box)], affine=affine, header=None)


def paste(whole: np.ndarray, label: np.ndarray, cropped: Image, image: Image) -> np.ndarray:
    """A copy of ``whole`` with the foreground of ``label`` where ``cropped`` was cut from ``image``.

    ``whole`` has the spatial shape of ``image`` and ``label`` that of ``cropped``.
    """
    axes = len(image.spatial_shape)
    low = np.round(np.linalg.solve(image.affine, cropped.affine[:, axes])[:axes]).astype(int)
    pasted = whole.copy()
    box = tuple(slice(start, start + size) for start, size in zip(low, label.shape, strict=True))
    pasted[box] = np.where(label > 0, label, pasted[box])
    return pasted
