from pathlib import Path
from typing import Any

import numpy as np

from medseg.errors import UserError
from medseg.io.atomic import atomic_path
from medseg.io.image import Image
from medseg.io.itk_voxels import SCALAR_TYPES, VECTOR_TYPES, quiet_itk, read_voxels, stored_type, to_itk
from medseg.io.meta_image import require_whole
from medseg.io.shear import is_sheared
from medseg.io.suffixes import image_suffix
from medseg.io.validate import require_plausible_size

_FORMATS = {".nrrd": "NRRD", ".mha": "Meta", ".mhd": "Meta", ".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF"}
_PICTURE_TYPES = {"PNG": ("uint8", "uint16"), "TIFF": ("uint8", "uint16", "float32")}
# ITK's world is LPS+, ours RAS+.
_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_itk(path: Path) -> Image:
    """Read an NRRD, MetaImage (.mha, .mhd), PNG or TIFF file.

    Raises:
        UserError: not a file of the format its suffix names, damaged or cut short, voxels that are not real numbers,
            a number of axes other than 2 or 3, a picture of several pages.
    """
    import itk

    suffix = image_suffix(path)
    image_io = _image_io(suffix)
    image_io.SetFileName(str(path))
    with quiet_itk():
        try:
            if not image_io.CanReadFile(str(path)):
                raise RuntimeError
            image_io.ReadImageInformation()
            axes, dtype = image_io.GetNumberOfDimensions(), stored_type(image_io)
        except (RuntimeError, KeyError) as error:
            raise UserError(f"`{path}` is not a {_FORMATS[suffix]} image, or its header is damaged") from error
        _require_supported(path, image_io, axes)
        count = int(np.prod([image_io.GetDimensions(axis) for axis in range(axes)], dtype=object))
        _require_whole(path, count * image_io.GetNumberOfComponents() * dtype.itemsize)
        try:
            data, image = read_voxels(image_io, axes)
        except (RuntimeError, MemoryError) as error:
            raise UserError(f"`{path}` is damaged or cut short: its voxels cannot be read") from error
    affine = np.eye(axes + 1)
    affine[:-1, :-1] = itk.array_from_matrix(image.GetDirection()) * np.array(list(image.GetSpacing()))
    affine[:-1, -1] = list(image.GetOrigin())
    return Image(data, _FLIP @ affine if axes == 3 else affine, suffix)


def write_itk(path: Path, data: np.ndarray, affine: np.ndarray) -> None:
    """Write an NRRD, .mha, PNG or TIFF file, compressed.

    Args:
        path: its suffix names the format.
        data: ``(C, X, Y[, Z])``.
        affine: ``(n + 1, n + 1)``; RAS+ in 3D; mm.

    Raises:
        UserError: the format cannot hold the voxels' type or the geometry, or the file cannot be written.
    """
    import itk

    suffix = image_suffix(path)
    data = _in_supported_type(path, data)
    world = _FLIP @ affine if data.ndim == 4 else affine
    spacing = np.linalg.norm(world[:-1, :-1], axis=0)
    if is_sheared(affine):
        raise UserError(f"`{path}` cannot hold axes that are not perpendicular; write a .nii.gz instead")
    if _FORMATS[suffix] in _PICTURE_TYPES and not (data.ndim == 3 and np.allclose(world, np.diag([*spacing, 1.0]))):
        raise UserError(f"`{path}` can only hold a 2D image without origin or direction; write a .nrrd instead")
    with quiet_itk():
        image = to_itk(data)
        image.SetSpacing([float(step) for step in spacing])
        image.SetOrigin([float(position) for position in world[:-1, -1]])
        image.SetDirection(itk.matrix_from_array(world[:-1, :-1] / spacing))
        with atomic_path(path) as temporary:
            writer = itk.ImageFileWriter.New(image, FileName=str(temporary), ImageIO=_image_io(suffix))
            writer.SetUseCompression(True)
            writer.Update()


def _image_io(suffix: str) -> Any:
    import itk

    return getattr(itk, f"{_FORMATS[suffix]}ImageIO".replace("NRRD", "Nrrd")).New()


def _require_supported(path: Path, image_io: Any, axes: int) -> None:
    kind = image_io.GetPixelTypeAsString(image_io.GetPixelType())
    if kind not in ("scalar", "rgb", "rgba", "vector", "covariant_vector"):
        raise UserError(f"`{path}` must hold real numbers, got voxels of the kind {kind}")
    if image_suffix(path) in (".png", ".tif", ".tiff") and axes != 2:
        raise UserError(f"`{path}` must hold one 2D picture, got several pages; save a volume as .nrrd or .nii.gz")
    if axes not in (2, 3):
        raise UserError(f"`{path}` must have 2 or 3 axes, and channels besides, got {axes}")


def _require_whole(path: Path, size: int) -> None:
    suffix = image_suffix(path)
    if suffix in (".mha", ".mhd"):
        require_whole(path, size)
        return
    if suffix == ".nrrd":
        with path.open("rb") as stream:
            lines = [line.strip().lower().replace(b" ", b"") for line in stream.read(1 << 16).split(b"\n")]
        header = lines[: lines.index(b"")] if b"" in lines else lines
        if any(line.startswith(b"datafile:") for line in header):
            raise UserError(f"`{path}` keeps its voxels in another file; save it as one .nrrd")
    require_plausible_size(path, size, path.stat().st_size)


def _in_supported_type(path: Path, data: np.ndarray) -> np.ndarray:
    """``data`` in a type the format has: its own if possible, else a wider one that holds every value."""
    picture = _PICTURE_TYPES.get(_FORMATS[image_suffix(path)])
    if picture:
        if data.dtype == bool:
            return data.astype(np.uint8)
        if data.dtype.name not in picture:
            raise UserError(f"`{path}` can hold voxels of type {' or '.join(picture)}, got {data.dtype.name}")
        return data
    types = SCALAR_TYPES if data.shape[0] == 1 else VECTOR_TYPES
    if data.dtype.name in types:
        return data
    needed = data.dtype
    if needed.kind in "iu" and needed.itemsize == 8:
        lowest, highest = int(data.min()), int(data.max())
        needed = np.min_scalar_type(highest if lowest >= 0 else min(lowest, -highest - 1))
    # NumPy calls 64-bit integers to float64 a safe cast, which it is not.
    fitting = [name for name in types if np.can_cast(needed, name) and (needed.kind == "f" or needed.itemsize < 8)]
    if not fitting:
        raise UserError(f"`{path}` can hold voxels of type {', '.join(types)}, got {data.dtype.name}")
    return data.astype(fitting[0])
