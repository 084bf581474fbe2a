import gzip
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from medseg.errors import UserError
from medseg.io.atomic import atomic_path
from medseg.io.image import Image
from medseg.io.shear import is_sheared
from medseg.io.suffixes import image_suffix
from medseg.io.validate import require_plausible_size

_GEOMETRY_FIELDS = (
    *("pixdim", "xyzt_units", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d"),
    *("qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"),
)
_MM_PER_UNIT = {1: 1000.0, 2: 1.0, 3: 0.001}
_SCANNER = 1


def read_nifti(path: Path) -> Image:
    """Read a NIfTI-1 or NIfTI-2 file; a fourth axis becomes the channels.

    Stored integers keep their type unless the header scales them, which gives float32.

    Raises:
        UserError: not a NIfTI file, damaged or cut short, complex or colour voxels, more than four axes.
    """
    import nibabel as nib

    try:
        file = nib.load(path, mmap=False)
    except Exception as error:  # nibabel raises many kinds for files that are not images
        raise UserError(f"`{path}` is not a NIfTI image, or its header is damaged") from error
    if not isinstance(file, nib.Nifti1Pair):
        raise UserError(f"`{path}` is not a NIfTI image but a {type(file).__name__}")
    header = file.header
    if header.get_data_dtype().kind not in "biuf":
        raise UserError(f"`{path}` must hold real numbers, got voxels of type {header.get_value_label('datatype')}")
    _require_spacing(path, file)
    data = _with_channels_first(path, _read_voxels(path, file))
    fields = {name: np.array(header[name]) for name in _GEOMETRY_FIELDS}
    return Image(data, _affine_mm(header), image_suffix(path), header=fields)


def write_nifti(path: Path, data: np.ndarray, affine: np.ndarray, header: Mapping[str, np.ndarray] | None) -> None:
    """Write a NIfTI file without a scale slope.

    Args:
        path: ends in ``.nii`` or ``.nii.gz``.
        data: ``(C, X, Y, Z)``; more than one channel becomes the fourth axis.
        affine: ``(4, 4)``, RAS+, mm.
        header: geometry fields of the file the image came from. They are written as they are if they say the same as
            ``affine``, which they no longer do once an image was resampled.

    Raises:
        UserError: the file cannot be written.
    """
    import nibabel as nib

    voxels = data[0] if data.shape[0] == 1 else np.moveaxis(data, 0, -1)
    is_second = max(voxels.shape) > 32767 or (header is not None and header["srow_x"].dtype.itemsize == 8)
    kind = nib.Nifti2Image if is_second else nib.Nifti1Image
    if header is not None:
        fields = kind.header_class()
        fields.set_data_dtype(voxels.dtype)
        fields.set_data_shape(voxels.shape)
        for name, value in header.items():
            fields[name] = value
        if np.allclose(_affine_mm(fields), affine, rtol=1e-6, atol=1e-6):
            _save(path, kind(voxels, None, fields))
            return
    file = kind(voxels, affine, dtype=voxels.dtype)
    file.header.set_xyzt_units("mm")
    file.set_sform(affine, _SCANNER)
    if not is_sheared(affine):
        file.set_qform(affine, _SCANNER)
    _save(path, file)


def _save(path: Path, file: Any) -> None:
    import nibabel as nib

    with atomic_path(path) as temporary:
        nib.save(file, temporary)


def _require_spacing(path: Path, file: Any) -> None:
    """Refuse a spacing of zero where the geometry rests on it; nibabel mends it to 1 mm without a word."""
    from nibabel.openers import ImageOpener

    with ImageOpener(path) as stream:
        stored = type(file.header).from_fileobj(stream, check=False)
    axes = min(int(stored["dim"][0]), 3)
    steps = stored["pixdim"][1 : axes + 1]
    if stored["sform_code"] == 0 and any(
        step == 0 and count > 1 for step, count in zip(steps, stored["dim"][1 : axes + 1], strict=True)
    ):
        shown = ", ".join(f"{step:g}" for step in steps)
        raise UserError(f"`{path}` must have a positive, finite spacing along every axis, got ({shown}) mm")


def _read_voxels(path: Path, file: Any) -> np.ndarray:
    header = file.header
    shape = header.get_data_shape()
    if any(count < 0 for count in shape):
        raise UserError(f"`{path}` is damaged: its header claims the shape {shape}")
    claimed = math.prod(shape) * header.get_data_dtype().itemsize
    require_plausible_size(path, claimed, path.stat().st_size)
    try:
        if image_suffix(path) == ".nii.gz":
            file = type(file).from_bytes(_decompress(path, int(file.dataobj.offset) + claimed))
        voxels = np.asarray(file.dataobj)
    except Exception as error:  # gzip, zlib, nibabel and NumPy each have their own
        raise UserError(f"`{path}` is damaged or cut short: its voxels cannot be read") from error
    # nibabel clears the slope from the header it hands out.
    if (file.dataobj.slope, file.dataobj.inter) != (1.0, 0.0):
        return voxels.astype(np.float32)
    if voxels.dtype.itemsize > 8:
        return voxels.astype(np.float64)
    return voxels.astype(voxels.dtype.newbyteorder("="), copy=False)


def _decompress(path: Path, size: int) -> bytes:
    """The first ``size`` bytes; the rest is read too, because the checksum stands at the very end."""
    with gzip.open(path) as stream:
        start = stream.read(size)
        while stream.read(1 << 20):
            pass
    return start


def _with_channels_first(path: Path, voxels: np.ndarray) -> np.ndarray:
    shape = voxels.shape
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) == 5 and shape[3] == 1:
        shape = (*shape[:3], shape[4])
    shape += (1,) * (3 - len(shape))
    if len(shape) > 4:
        raise UserError(f"`{path}` must have three axes, and channels as the fourth, got the shape {voxels.shape}")
    voxels = voxels.reshape(shape)
    return voxels[np.newaxis] if len(shape) == 3 else np.moveaxis(voxels, 3, 0)


def _affine_mm(header: Any) -> np.ndarray:
    affine = np.array(header.get_best_affine(), dtype=np.float64)
    affine[:3] *= _MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    return affine
