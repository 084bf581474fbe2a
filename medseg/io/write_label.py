from dataclasses import replace
from pathlib import Path

import numpy as np

from medseg.io.image import Image
from medseg.io.write_image import write_image


def write_label(path: str | Path, label: np.ndarray, like: Image) -> None:
    """Write a label map in the geometry of the image it belongs to.

    Args:
        path: its suffix names the format; ``label_suffix(like)`` is the one to prefer.
        label: the spatial shape of ``like``, bool or integer, not negative. Written as uint8, uint16 or uint32,
            whichever is the first to hold it.
        like: the image. From NIfTI to NIfTI its affine is written with the same bits.

    Raises:
        ValueError: ``label`` has another shape, is not of an integer type, or is negative somewhere.
        UserError: what ``write_image`` raises.
    """
    if label.shape != like.spatial_shape:
        raise ValueError(f"`label` must have the shape of its image, {like.spatial_shape}, got {label.shape}")
    if label.dtype.kind not in "biu":
        raise ValueError(f"`label` must be of an integer type, got {label.dtype}")
    if label.min() < 0 or label.max() > np.iinfo(np.uint32).max:
        raise ValueError(f"`label` must lie between 0 and 2**32 - 1, got {label.min()} to {label.max()}")
    smallest = np.min_scalar_type(int(label.max()))
    write_image(path, replace(like, data=label.astype(smallest)[np.newaxis], modality=None))
