from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Image:
    """Voxels and where they lie in the world; neither is of use without the other.

    Attributes:
        data: shape ``(C, X, Y, Z)`` or ``(C, X, Y)``: channel first, then the voxel indices in the order of the
            affine's columns (i, j, k as in NIfTI; an ITK array transposed).
        affine: float64, ``(n + 1, n + 1)`` for n spatial axes; voxel index to world position in mm. The world of a 3D
            image is RAS+ (x to the right, y to the front, z up) whatever the file's own convention; that of a 2D image
            is the file's.
        suffix: of the file the image came from, lower case, which names its format: ``.nii.gz``, ``.nrrd``, ``.dcm``.
        header: NIfTI only: the fields that hold the geometry exactly as they stand in the file, so that a label can be
            written with the same bits. No other field is kept, because they can name the patient.
        modality: DICOM only: ``CT``, ``MR``, ...

    Raises:
        ValueError: the shapes of ``data`` and ``affine`` do not belong together.
    """

    data: np.ndarray
    affine: np.ndarray
    suffix: str
    header: Mapping[str, np.ndarray] | None = None
    modality: str | None = None

    def __post_init__(self) -> None:
        axes = self.data.ndim - 1
        if axes not in (2, 3):
            raise ValueError(f"`data` must have shape (C, X, Y) or (C, X, Y, Z), got {self.data.shape}")
        if self.affine.shape != (axes + 1, axes + 1):
            raise ValueError(
                f"`affine` must have shape {(axes + 1, axes + 1)} for {axes} axes, got {self.affine.shape}"
            )

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """Number of voxels along each spatial axis."""
        return self.data.shape[1:]

    @property
    def channels(self) -> int:
        """Number of channels: 1 for a gray image, 3 for RGB."""
        return int(self.data.shape[0])

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance between the centres of neighbouring voxels along each spatial axis, in mm."""
        return tuple(float(length) for length in np.linalg.norm(self.affine[:-1, :-1], axis=0))

    @property
    def extent_mm(self) -> tuple[float, ...]:
        """Size of the imaged block along each spatial axis, in mm, from outer face to outer face."""
        return tuple(count * step for count, step in zip(self.spatial_shape, self.spacing, strict=True))

    @property
    def orientation(self) -> tuple[str, ...]:
        """Anatomical direction each spatial axis points to, such as ``("R", "A", "S")``; empty for a 2D image."""
        if len(self.spatial_shape) == 2:
            return ()
        from nibabel.orientations import aff2axcodes

        codes: tuple[str, ...] = aff2axcodes(self.affine)
        return codes
