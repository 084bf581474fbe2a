import numpy as np
import pytest

from medseg.errors import UserError
from medseg.io import Image, require_same_geometry


def grid(shape: tuple[int, ...] = (10, 10, 10), shift: float = 0.0, turn: float = 0.0) -> Image:
    affine = np.diag([0.5, 0.5, 2, 1])
    affine[0, 3] = shift
    affine[0, 1] = turn
    return Image(np.zeros((1, *shape)), affine, ".nii")


def test_rounding_is_tolerated() -> None:
    require_same_geometry(grid(), grid(shift=0.004))
    require_same_geometry(grid(), grid(turn=0.0005))


def test_other_shape_or_place_is_refused_with_both_names() -> None:
    with pytest.raises(UserError, match=r"^L must have the shape of I, \(10, 10, 10\), got \(10, 10, 9\)$"):
        require_same_geometry(grid(), grid((10, 10, 9)), "I", "L")
    with pytest.raises(UserError, match=r"^L must lie where I lies, .* 0\.006 mm apart$"):
        require_same_geometry(grid(), grid(shift=0.006), "I", "L")
    # A small turn moves the far corner: 9 voxels times 0.001 mm.
    with pytest.raises(UserError, match=r"0\.009 mm apart"):
        require_same_geometry(grid(), grid(turn=0.001), "I", "L")
