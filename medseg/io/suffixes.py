from pathlib import Path

from medseg.io.image import Image
from medseg.io.shear import is_sheared

READABLE_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".png", ".tif", ".tiff", ".dcm")
# A .mhd keeps its voxels in a second file, which cannot be put in place together with it.
WRITABLE_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha", ".png", ".tif", ".tiff")


def image_suffix(path: str | Path) -> str:
    """The suffix of ``path`` that names an image format, lower case (``.nii.gz`` as one), or "" if it has none."""
    name = Path(path).name.lower()
    return next((suffix for suffix in READABLE_SUFFIXES if name.endswith(suffix)), "")


def case_name(path: str | Path) -> str:
    """Name of the case an image file or DICOM folder holds: the file name without its image suffix."""
    path = Path(path)
    suffix = image_suffix(path)
    return path.name[: -len(suffix)] if suffix else path.name


def label_suffix(image: Image) -> str:
    """Suffix of the file that a label for ``image`` should be written to: the same format wherever it can hold one.

    A 3D image whose axes are not perpendicular has its label in NIfTI, which alone can say so.
    """
    if len(image.spatial_shape) == 3 and not image.suffix.startswith(".nii") and is_sheared(image.affine):
        return ".nii.gz"
    return {".dcm": ".nii.gz", ".mhd": ".mha"}.get(image.suffix, image.suffix)
