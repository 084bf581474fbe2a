import numpy as np
import pytest

from medseg.io import Image


def test_facts_follow_from_data_and_affine() -> None:
    #  i runs to the back at 2 mm, j to the right at 0.5 mm, k up at 3 mm
    affine = np.array([[0, 0.5, 0, 1], [-2, 0, 0, 2], [0, 0, 3, 3], [0, 0, 0, 1]])
    image = Image(np.zeros((2, 4, 5, 6)), affine, ".nii")
    assert image.channels == 2
    assert image.spatial_shape == (4, 5, 6)
    assert image.spacing == (2, 0.5, 3)
    assert image.extent_mm == (8, 2.5, 18)
    assert image.orientation == ("P", "R", "S")


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="`data` must have shape"):
        Image(np.zeros((4, 5)), np.eye(3), ".png")
    with pytest.raises(ValueError, match=r"`affine` must have shape \(4, 4\) for 3 axes, got \(3, 3\)"):
        Image(np.zeros((1, 4, 5, 6)), np.eye(3), ".nii")
