from pathlib import Path

import numpy as np

from medseg.errors import UserError
from medseg.io.image import Image

# Deflate, the compression of .nii.gz, .nrrd and .png, cannot shrink below 1/1032.
MOST_EXPANSION = 1100


def require_valid(image: Image, path: Path) -> None:
    """Refuse an image that nothing sensible can be computed from.

    Raises:
        UserError: no voxels, a spacing that is zero or not finite, an affine without inverse, or voxels that are not
            finite.
    """
    if image.data.size == 0:
        raise UserError(f"`{path}` holds no voxels: its shape is {image.data.shape}")
    spacing = np.array(image.spacing)
    if not np.isfinite(image.affine).all() or not (spacing > 0).all():
        shown = ", ".join(f"{step:g}" for step in spacing)
        raise UserError(f"`{path}` must have a positive, finite spacing along every axis, got ({shown}) mm")
    if abs(np.linalg.det(image.affine[:-1, :-1] / spacing)) < 1e-3:
        raise UserError(f"`{path}` must have an affine that can be inverted, but two of its axes point the same way")
    if image.data.dtype.kind == "f":
        broken = image.data.size - int(np.count_nonzero(np.isfinite(image.data)))
        if broken:
            raise UserError(f"`{path}` must hold finite voxels, but {broken} of {image.data.size} are NaN or infinite")


def require_plausible_size(path: Path, claimed: int, stored: int) -> None:
    """Refuse a header that claims more voxels than the file can hold, before memory is set aside for them.

    Args:
        path: named in the message.
        claimed: bytes of voxels by the header.
        stored: bytes of the file.

    Raises:
        UserError: ``claimed`` is out of reach even for compressed zeros.
    """
    if claimed > MOST_EXPANSION * stored:
        raise UserError(f"`{path}` is damaged: its header claims {claimed} bytes of voxels in a file of {stored} bytes")
