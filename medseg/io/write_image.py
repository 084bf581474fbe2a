from pathlib import Path

import numpy as np

from medseg.errors import UserError
from medseg.io.image import Image
from medseg.io.itk_files import write_itk
from medseg.io.nifti import write_nifti
from medseg.io.suffixes import WRITABLE_SUFFIXES, image_suffix


def write_image(path: str | Path, image: Image) -> None:
    """Write ``image`` with its geometry, in the format that the suffix of ``path`` names.

    NIfTI keeps the type of the voxels (bool becomes uint8, float16 float32); the other formats keep it where they have
    it, and take the next wider one otherwise. The file appears whole or not at all.

    Raises:
        UserError: unknown suffix, a format that cannot hold the image (a sheared affine outside NIfTI; a volume, an
            origin or wide types in PNG and TIFF), or a failed write.
    """
    path = Path(path)
    suffix = image_suffix(path)
    if suffix not in WRITABLE_SUFFIXES:
        raise UserError(f"`{path}` must end in one of {', '.join(WRITABLE_SUFFIXES)} to be written")
    is_nifti = suffix in (".nii", ".nii.gz")
    if is_nifti and len(image.spatial_shape) == 2:
        raise UserError(f"`{path}` cannot hold a 2D image; write a .png, .tif, .nrrd or .mha instead")
    if not is_nifti:
        write_itk(path, image.data, image.affine)
        return
    dtype = {np.dtype(bool): np.uint8, np.dtype(np.float16): np.float32}.get(image.data.dtype, image.data.dtype)
    write_nifti(path, image.data.astype(dtype, copy=False), image.affine, image.header)
