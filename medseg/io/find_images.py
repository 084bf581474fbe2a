from collections.abc import Sequence
from pathlib import Path

from medseg.errors import UserError
from medseg.io.dicom_files import dicom_files
from medseg.io.suffixes import READABLE_SUFFIXES, image_suffix


def find_images(paths: Sequence[str | Path]) -> list[Path]:
    """The images that ``paths`` mean, each once, in the order given.

    A file is itself. A folder that directly holds DICOM files is one series, whose .png files are taken for previews.
    Any other folder gives the image files directly inside it, sorted by name; hidden ones are skipped.

    Raises:
        UserError: a path is absent, a file is of no supported format, or a folder holds no image, or both DICOM files
            and images of other formats.
    """
    found = [image for path in paths for image in _expand(Path(path))]
    if not found:
        raise UserError("no image was given; an image file or a folder of images was expected")
    return list(dict.fromkeys(found))


def _expand(path: Path) -> list[Path]:
    formats = ", ".join(READABLE_SUFFIXES)
    if not path.exists():
        raise UserError(f"`{path}` does not exist; an image file or a folder of images was expected")
    if not path.is_dir():
        if not image_suffix(path):
            raise UserError(f"`{path}` is not of a supported format: {formats}, or a DICOM folder")
        return [path]
    try:
        dicom = dicom_files(path)
        inside = [file for file in sorted(path.iterdir()) if file.is_file() and not file.name.startswith(".")]
    except OSError as error:
        raise UserError(f"`{path}` could not be read: {error.strerror or error}") from error
    images = [file for file in inside if image_suffix(file)]
    if dicom:
        others = [file for file in images if image_suffix(file) != ".png" and file not in dicom]
        if others:
            raise UserError(
                f"`{path}` holds {len(dicom)} DICOM and {len(others)} other image files, such as `{others[0].name}`; "
                "put them into two folders"
            )
        return [path]
    if not images:
        raise UserError(f"`{path}` holds no image directly inside; expected {formats}, or DICOM files")
    return images
