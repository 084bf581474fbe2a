import itertools

import numpy as np

from medseg.errors import UserError
from medseg.io.image import Image

# Of a voxel. Files round positions to float32 or a few decimals, which stays well below.
_TOLERANCE = 0.01


def require_same_geometry(image: Image, label: Image, image_name: str = "image", label_name: str = "label") -> None:
    """Require that a label map lies on the voxels of its image.

    The corners of the two grids may differ by a hundredth of the smallest spacing.

    Args:
        image: the image.
        label: its label map.
        image_name: what to call the image in the message, such as its path.
        label_name: what to call the label map.

    Raises:
        UserError: the spatial shapes differ, or the affines do.
    """
    if image.spatial_shape != label.spatial_shape:
        raise UserError(
            f"{label_name} must have the shape of {image_name}, {image.spatial_shape}, got {label.spatial_shape}"
        )
    ends = [(0, count - 1) for count in image.spatial_shape]
    corners = np.array([(*corner, 1) for corner in itertools.product(*ends)], dtype=np.float64).T
    farthest = float(np.linalg.norm((image.affine - label.affine) @ corners, axis=0).max())
    if farthest > _TOLERANCE * min(image.spacing):
        raise UserError(
            f"{label_name} must lie where {image_name} lies, but their affines put a corner {farthest:.3g} mm apart"
        )
