import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medseg.errors import UserError
from medseg.io import Image, crop, paste

VOXELS = np.arange(20 * 24 * 28, dtype=np.int32).reshape(1, 20, 24, 28)


def world(image: Image, value: int) -> np.ndarray:
    """World position of the voxel that holds ``value``."""
    (index,) = np.argwhere(image.data[0] == value)
    return (image.affine @ [*index, 1.0])[:3]


@settings(max_examples=40, deadline=None)
@given(
    order=st.permutations([0, 1, 2]),
    flips=st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
    spacing=st.tuples(*[st.floats(0.5, 2.0)] * 3),
)
def test_a_voxel_stays_where_it_was_in_the_world(order, flips, spacing):
    affine = np.eye(4)
    affine[:3, :3] = np.diag(np.array(flips) * spacing)[order]
    affine[:3, 3] = (5.0, -7.0, 11.0)
    image = Image(VOXELS, affine, ".nii.gz")
    centre = (affine @ [10, 12, 14, 1.0])[:3]

    box = crop(image, centre, (6.0, 8.0, 10.0))

    # World axis order[i] belongs to voxel axis i or its inverse: the box has the size asked for along the world's axes.
    size_of_world_axis = dict(zip(np.abs(affine[:3, :3]).argmax(axis=0), box.extent_mm, strict=True))
    for axis, wanted in enumerate((6.0, 8.0, 10.0)):
        assert abs(size_of_world_axis[axis] - wanted) <= max(spacing)
    for value in (box.data.min(), box.data.max()):
        np.testing.assert_allclose(world(box, value), world(image, value), atol=1e-9)


def test_a_label_goes_back_where_its_box_was_cut():
    image = Image(VOXELS, np.eye(4), ".nii.gz")
    box = crop(image, (10.0, 12.0, 14.0), (4.0, 4.0, 4.0))
    label = (box.data[0] == VOXELS[0, 10, 12, 14]).astype(np.uint8)
    whole = np.zeros(image.spatial_shape, np.uint8)
    whole[0, 0, 0] = 2

    pasted = paste(whole, label, box, image)

    assert [tuple(index) for index in np.argwhere(pasted == 1)] == [(10, 12, 14)]
    assert pasted[0, 0, 0] == 2
    assert whole.sum() == 2


def test_a_box_over_the_edge_is_cut_and_one_outside_refused():
    image = Image(VOXELS, np.eye(4), ".nii.gz")
    # x from -4.5 to 4.5 holds the voxels 0 to 5 of -4 to 5
    assert crop(image, (0.0, 12.0, 14.0), (10.0, 4.0, 4.0)).spatial_shape == (6, 4, 4)
    with pytest.raises(UserError, match="outside"):
        crop(image, (500.0, 0.0, 0.0), (4.0, 4.0, 4.0))
