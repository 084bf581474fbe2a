from dataclasses import replace
from pathlib import Path

import numpy as np

from medseg.errors import UserError
from medseg.io.image import Image
from medseg.io.read_image import read_image


def read_label(path: str | Path) -> Image:
    """Read a label map: one channel of whole numbers.

    Whole numbers stored as floats, as some tools do, become int32.

    Raises:
        UserError: what ``read_image`` raises, several channels, or values that are not whole numbers.
    """
    image = read_image(path)
    if image.channels != 1:
        raise UserError(f"`{path}` must be a label map of one channel, got {image.channels}")
    if image.data.dtype.kind in "iu":
        return image
    broken = int(np.count_nonzero(image.data != np.rint(image.data)))
    if broken:
        raise UserError(f"`{path}` must be a label map of whole numbers, but {broken} voxels lie between two")
    if abs(image.data).max() >= 2**31:
        raise UserError(f"`{path}` must be a label map, but its largest value is {abs(image.data).max():g}")
    return replace(image, data=image.data.astype(np.int32))
