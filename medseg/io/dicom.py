from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medseg.errors import UserError
from medseg.io.dicom_files import dicom_files, may_hold_image
from medseg.io.dicom_slice import DicomSlice, dicom_io, read_slice
from medseg.io.image import Image
from medseg.io.itk_voxels import quiet_itk, read_voxels

# Positions are written with few decimals; a missing slice doubles a step.
_STEP_TOLERANCE = 0.05
_LINE_TOLERANCE = 0.1


def read_dicom(path: Path) -> Image:
    """Read one DICOM series: a folder that holds it, or a single file as a volume of one slice.

    Files that are no images (structure sets, segmentations, reports) are passed over. Slices are put in order by their
    position along the slice normal; the last column of the affine's matrix is the step between them, so a tilted gantry
    gives a sheared affine. A single slice is as thick as its header says, or 1 mm. Rescaled values that are not whole
    numbers become float32.

    Raises:
        UserError: no image, several series, missing or uneven slices, slices that do not form one block, damaged files.
    """
    files = [file for file in (dicom_files(path) if path.is_dir() else [path]) if may_hold_image(file)]
    if not files:
        raise UserError(f"`{path}` must hold the images of one DICOM series, got none")
    with quiet_itk():
        slices = [read_slice(file, path) for file in files]
        _require_one_series(slices, path)
        normal = slices[0].normal
        slices.sort(key=lambda one: float(one.position @ normal))
        step = _step(slices, path)
        data = np.concatenate([_voxels(one, path) for one in slices], axis=3)
    if data.dtype == np.float64:
        data = data.astype(np.float32)
    first = slices[0]
    affine = np.eye(4)
    affine[:3, :2] = first.rows_and_columns.T * first.spacing
    affine[:3, 2] = step
    affine[:3, 3] = first.position
    return Image(data, np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine, ".dcm", modality=first.modality)


def _require_one_series(slices: Sequence[DicomSlice], path: Path) -> None:
    counts = Counter(one.series for one in slices)
    if len(counts) > 1:
        shown = " and ".join(str(count) for count in sorted(counts.values(), reverse=True))
        raise UserError(
            f"`{path}` must hold one DICOM series, got {len(counts)} (of {shown} slices); give each a folder of its own"
        )
    first = slices[0]
    for one in slices:
        if one.shape != first.shape or not np.allclose(one.spacing, first.spacing, rtol=1e-3):
            raise UserError(f"`{path}` must hold slices of one size and pixel spacing")
        if not np.allclose(one.rows_and_columns, first.rows_and_columns, atol=1e-3):
            raise UserError(f"`{path}` must hold slices of one orientation; put a localizer into a folder of its own")


def _step(slices: Sequence[DicomSlice], path: Path) -> np.ndarray:
    """Vector from one slice to the next, LPS+, mm, of slices in order."""
    first = slices[0]
    if len(slices) == 1:
        return first.normal * (first.thickness or 1.0)
    positions = np.array([one.position for one in slices])
    steps = np.diff(positions @ first.normal)
    # The lower median: of two slices and a gap it is the distance of the two.
    expected = float(np.sort(steps)[(len(steps) - 1) // 2])
    if steps.min() < 1e-3:
        raise UserError(f"`{path}` holds several slices at one position; give each volume or time point its own folder")
    uneven = np.flatnonzero(abs(steps - expected) > _STEP_TOLERANCE * expected)
    if len(uneven):
        at = int(uneven[0])
        raise UserError(
            f"`{path}` has missing or uneven slices: {steps[at]:.2f} mm lie between slices {at + 1} and {at + 2} of "
            f"{len(slices)} where {expected:.2f} mm were expected"
        )
    step: np.ndarray = (positions[-1] - positions[0]) / (len(slices) - 1)
    off = np.linalg.norm(positions - positions[0] - np.outer(np.arange(len(slices)), step), axis=1).max()
    if off > _LINE_TOLERANCE * expected:
        raise UserError(f"`{path}` has slices that do not lie on one straight line: one is {off:.2f} mm off")
    return step


def _voxels(one: DicomSlice, path: Path) -> np.ndarray:
    image_io = dicom_io(one.file)
    try:
        image_io.ReadImageInformation()
        return read_voxels(image_io, 3)[0]
    except (RuntimeError, KeyError, MemoryError) as error:
        raise UserError(f"`{path}` holds a DICOM image that is damaged, cut short or of an unknown encoding") from error
