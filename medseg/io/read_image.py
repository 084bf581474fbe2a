from pathlib import Path

from medseg.errors import UserError
from medseg.io.dicom import read_dicom
from medseg.io.image import Image
from medseg.io.itk_files import read_itk
from medseg.io.nifti import read_nifti
from medseg.io.suffixes import READABLE_SUFFIXES, image_suffix
from medseg.io.validate import require_valid


def read_image(path: str | Path) -> Image:
    """Read an image: NIfTI, NRRD, MetaImage, PNG, TIFF, or a folder (or single file) of one DICOM series.

    Integers keep their type unless the file scales them, which gives float32.

    Raises:
        UserError: ``path`` is absent, not an image of a supported format, damaged, or unusable (see ``require_valid``);
            for DICOM see ``read_dicom``.
    """
    path = Path(path)
    suffix = image_suffix(path)
    if not path.exists():
        raise UserError(f"`{path}` does not exist; an image file or a folder of one DICOM series was expected")
    if not suffix and not path.is_dir():
        raise UserError(f"`{path}` is not of a supported format: {', '.join(READABLE_SUFFIXES)}, or a DICOM folder")
    image = _read(path, suffix)
    require_valid(image, path)
    return image


def _read(path: Path, suffix: str) -> Image:
    try:
        if path.is_dir():
            return read_dicom(path)
        # Permission and such are said better by the operating system than by the readers.
        path.open("rb").close()
        if suffix in (".nii", ".nii.gz"):
            return read_nifti(path)
        return read_dicom(path) if suffix == ".dcm" else read_itk(path)
    except OSError as error:
        raise UserError(f"`{path}` could not be read: {error.strerror or error}") from error
