"""Images in and out: NIfTI, NRRD, MetaImage, DICOM series, PNG and TIFF, each with its geometry."""

from medseg.io.atomic import atomic_path
from medseg.io.crop import crop, paste
from medseg.io.digest import sha256_of
from medseg.io.find_images import find_images
from medseg.io.image import Image
from medseg.io.read_image import read_image
from medseg.io.read_label import read_label
from medseg.io.same_geometry import require_same_geometry
from medseg.io.suffixes import WRITABLE_SUFFIXES, case_name, image_suffix, label_suffix
from medseg.io.write_image import write_image
from medseg.io.write_label import write_label

__all__ = [
    "WRITABLE_SUFFIXES",
    "Image",
    "atomic_path",
    "case_name",
    "crop",
    "find_images",
    "image_suffix",
    "label_suffix",
    "paste",
    "read_image",
    "read_label",
    "require_same_geometry",
    "sha256_of",
    "write_image",
    "write_label",
]
