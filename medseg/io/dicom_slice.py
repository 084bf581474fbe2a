import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medseg.errors import UserError


@dataclass(frozen=True, eq=False)
class DicomSlice:
    """Header of one DICOM file, as far as it says where its voxels lie; nothing that names a patient.

    Attributes:
        file: where the voxels are.
        series: its series instance UID: to tell series apart, never to be shown.
        position: centre of the first voxel, LPS+, mm.
        rows_and_columns: ``(2, 3)``: unit vectors along growing column index and growing row index, LPS+.
        spacing: distance between columns, then between rows, mm.
        shape: number of columns, then of rows.
        thickness: of the slice, mm; 0 where the file does not say.
        modality: ``CT``, ``MR``, ...; None where the file does not say.
    """

    file: Path
    series: str
    position: np.ndarray
    rows_and_columns: np.ndarray
    spacing: np.ndarray
    shape: tuple[int, int]
    thickness: float
    modality: str | None

    @property
    def normal(self) -> np.ndarray:
        """Unit vector perpendicular to the slice, LPS+."""
        return np.cross(self.rows_and_columns[0], self.rows_and_columns[1])


def read_slice(file: Path, source: Path) -> DicomSlice:
    """Header of a DICOM image.

    Args:
        file: the DICOM file.
        source: what the user named, file or folder: errors name this, because the names of DICOM files can name a
            patient.

    Raises:
        UserError: not readable, several frames, or without position, orientation or pixel spacing.
    """
    image_io = dicom_io(file)
    try:
        if not image_io.CanReadFile(str(file)):
            raise RuntimeError
        image_io.ReadImageInformation()
    except RuntimeError as error:
        raise UserError(
            f"`{source}` holds a DICOM image that is damaged, cut short or of an unknown encoding"
        ) from error
    tags = image_io.GetMetaDataDictionary()
    if _text(tags, "0028|0008") not in ("", "1"):
        raise UserError(
            f"`{source}` holds a DICOM image of several frames; convert it to NIfTI, with dcm2niix for example"
        )
    directions = _numbers(tags, "0020|0037", 6, source, "orientation").reshape(2, 3)
    lengths = np.linalg.norm(directions, axis=1)
    if (abs(lengths - 1) > 0.01).any() or abs(directions[0] @ directions[1]) > 0.01:
        raise UserError(f"`{source}` holds a DICOM image whose orientation is not two perpendicular directions")
    thickness = re.fullmatch(r"[0-9.]+", _text(tags, "0018|0050"))
    modality = _text(tags, "0008|0060")
    return DicomSlice(
        file=file,
        series=_text(tags, "0020|000e"),
        position=_numbers(tags, "0020|0032", 3, source, "position"),
        rows_and_columns=directions / lengths[:, np.newaxis],
        spacing=_numbers(tags, "0028|0030", 2, source, "pixel spacing")[::-1],
        shape=(image_io.GetDimensions(0), image_io.GetDimensions(1)),
        thickness=float(thickness.group()) if thickness else 0.0,
        # A standard modality is a short code; anything else could be a name.
        modality=modality if re.fullmatch("[A-Z]{2,8}", modality) else None,
    )


def dicom_io(file: Path) -> Any:
    """ITK ImageIO for one DICOM file."""
    import itk

    image_io = itk.GDCMImageIO.New()
    image_io.SetFileName(str(file))
    return image_io


def _text(tags: Any, tag: str) -> str:
    return str(tags[tag]).strip().strip("\0") if tags.HasKey(tag) else ""


def _numbers(tags: Any, tag: str, count: int, source: Path, meaning: str) -> np.ndarray:
    parts: Sequence[str] = _text(tags, tag).split("\\")
    try:
        values = np.array([float(part) for part in parts])
    except ValueError:
        values = np.array([])
    if values.shape != (count,) or not np.isfinite(values).all():
        raise UserError(f"`{source}` holds a DICOM image without a valid {meaning}, so its place in space is unknown")
    return values
