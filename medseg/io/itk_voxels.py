from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

# What itk-io was built for; other types travel as double, which holds every integer up to 2**53.
SCALAR_TYPES = ("uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")
VECTOR_TYPES = ("uint8", "int16", "uint16", "float32", "float64")


@contextmanager
def quiet_itk() -> Iterator[None]:
    """Keep ITK from printing warnings to the terminal, where they would stand between the command's own lines."""
    import itk

    was_on = itk.Object.GetGlobalWarningDisplay()
    itk.Object.GlobalWarningDisplayOff()
    try:
        yield
    finally:
        itk.Object.SetGlobalWarningDisplay(was_on)


def stored_type(image_io: Any) -> np.dtype[Any]:
    """NumPy type of one component of the voxels, of an ITK ImageIO whose image information was read."""
    names = {
        "char": "int8",
        "unsigned_char": "uint8",
        "short": "int16",
        "unsigned_short": "uint16",
        "int": "int32",
        "unsigned_int": "uint32",
        "long": "int64",
        "unsigned_long": "uint64",
        "long_long": "int64",
        "unsigned_long_long": "uint64",
        "float": "float32",
        "double": "float64",
    }
    return np.dtype(names[image_io.GetComponentTypeAsString(image_io.GetComponentType())])


def read_voxels(image_io: Any, axes: int) -> tuple[np.ndarray, Any]:
    """Voxels of a file, shape ``(C, X, Y[, Z])`` in the type they are stored in, and the ITK image they came in.

    Args:
        image_io: an ITK ImageIO with its file name set and its image information read.
        axes: 2 or 3 spatial axes.

    Raises:
        RuntimeError: ITK cannot read the file.
    """
    import itk

    stored = stored_type(image_io)
    is_vector = image_io.GetNumberOfComponents() > 1
    types = VECTOR_TYPES if is_vector else SCALAR_TYPES
    component = _itk_type(stored.name if stored.name in types else "float64")
    image_type = (itk.VectorImage if is_vector else itk.Image)[component, axes]
    reader = itk.ImageFileReader[image_type].New(FileName=image_io.GetFileName(), ImageIO=image_io)
    reader.Update()
    image = reader.GetOutput()
    voxels: np.ndarray = itk.array_from_image(image).astype(stored, copy=False).T
    return (voxels if is_vector else voxels[np.newaxis]), image


def to_itk(data: np.ndarray) -> Any:
    """ITK image of ``data``, shape ``(C, X, Y[, Z])``, without its geometry."""
    import itk

    is_vector = data.shape[0] > 1
    voxels = np.ascontiguousarray((data if is_vector else data[0]).T)
    return itk.image_from_array(voxels, is_vector=is_vector)


def _itk_type(name: str) -> Any:
    import itk

    types = (itk.UC, itk.SS, itk.US, itk.SI, itk.UI, itk.F, itk.D)
    return dict(zip(SCALAR_TYPES, types, strict=True))[name]
