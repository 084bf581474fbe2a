import hashlib
from pathlib import Path

from medseg.errors import UserError
from medseg.io.dicom_files import dicom_files
from medseg.io.meta_image import data_file
from medseg.io.suffixes import image_suffix


def sha256_of(path: str | Path) -> str:
    """SHA-256 of an image's bytes, in hexadecimal.

    An image of several files (a DICOM folder; a .mhd and its voxels) gives the SHA-256 over their sorted digests, so
    that neither names nor paths matter.

    Raises:
        UserError: ``path`` cannot be read, or is a folder without DICOM files.
    """
    path = Path(path)
    try:
        if path.is_dir():
            files = dicom_files(path)
            if not files:
                raise UserError(f"`{path}` holds no DICOM files, so it is no image")
            return _of_many(files)
        if image_suffix(path) == ".mhd":
            return _of_many([path, data_file(path)])
        return _of_file(path)
    except OSError as error:
        raise UserError(f"`{path}` could not be read: {error.strerror or error}") from error


def _of_many(files: list[Path]) -> str:
    digests = sorted(_of_file(file) for file in files)
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _of_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
