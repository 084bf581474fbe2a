from dataclasses import dataclass

import numpy as np

from medseg.io import Image

_SAMPLED = 10_000


@dataclass(frozen=True, eq=False)
class CaseFacts:
    """What a case tells about its data; nothing that says whose it is.

    Axes of a 3D image are right-left, front-back, head-foot, whatever their order in the file, because that is how
    bundles turn an image before they resample it.

    Attributes:
        shape: voxels along each axis.
        spacing: millimetres between voxels along each axis.
        orientation: of the file, such as ``LPS``; empty in 2D.
        channels: of the image.
        dtype: of the image's voxels.
        voxels: how many voxels of the label hold each value, the background's 0 among them.
        foreground: intensities under the label, ``(channels, n)``, 10,000 of them at most, drawn with a fixed seed.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    orientation: str
    channels: int
    dtype: str
    voxels: dict[int, int]
    foreground: np.ndarray

    @property
    def held(self) -> set[int]:
        """The classes that the label holds, without the background."""
        return self.voxels.keys() - {0}


def case_facts(image: Image, label: Image) -> CaseFacts:
    """The facts of an image and the label that lies on its voxels."""
    axes = list(range(len(image.spatial_shape)))
    if len(axes) == 3:
        from nibabel.orientations import io_orientation

        axes = np.argsort(io_orientation(image.affine)[:, 0]).tolist()
    values, counts = np.unique(label.data, return_counts=True)
    inside = image.data[:, label.data[0] > 0]
    if inside.shape[1] > _SAMPLED:
        drawn = np.random.default_rng(0).choice(inside.shape[1], _SAMPLED, replace=False)
        inside = inside[:, drawn]
    return CaseFacts(
        shape=tuple(image.spatial_shape[axis] for axis in axes),
        spacing=tuple(image.spacing[axis] for axis in axes),
        orientation="".join(image.orientation),
        channels=image.channels,
        dtype=str(image.data.dtype),
        voxels={int(value): count for value, count in zip(values, counts.tolist(), strict=True)},
        foreground=inside.astype(np.float32),
    )
