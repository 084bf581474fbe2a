import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.data import MetaTensor
from scipy import ndimage

from medseg.inference.instances import InstancesFromDistanced, split_instances
from medseg.metrics import score_instances
from medseg.training.instance_targets import instance_targets


def discs(*places, shape=(40, 60)):
    """Discs of row, column and radius, numbered from 1; later ones lie over earlier ones."""
    rows, columns = np.indices(shape)
    labels = np.zeros(shape, dtype=np.int32)
    for number, (row, column, radius) in enumerate(places, start=1):
        labels[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2] = number
    return labels


def test_two_discs_that_touch_come_apart_again():
    labels = discs((20, 20, 9), (20, 36, 8))
    assert ndimage.label(labels > 0)[1] == 1
    found = split_instances(*instance_targets(labels))
    assert score_instances(found, labels).ap["0.90"] == 1


@given(
    st.lists(st.tuples(st.integers(5, 35), st.integers(5, 55), st.integers(3, 7)), min_size=1, max_size=6, unique=True)
)
def test_discs_of_any_place_and_size_come_back_from_their_own_targets(places):
    covered = discs(*places)
    assert np.array_equal(split_instances(*instance_targets(covered), min_size=1) > 0, covered > 0)
    # Discs may touch; of one that lies under another too little can be left to tell them apart.
    apart = []
    for row, column, radius in places:
        if all(np.hypot(row - r, column - c) > radius + other for r, c, other in apart):
            apart.append((row, column, radius))
    labels = discs(*apart)
    found = split_instances(*instance_targets(labels), min_size=1)
    assert score_instances(found, labels).true_positives["0.50"] == len(apart)
    assert np.array_equal(found > 0, labels > 0)


def test_foreground_without_a_peak_is_an_object_of_its_own():
    foreground = np.zeros((10, 20), dtype=np.float32)
    foreground[2:6, 2:6] = foreground[2:6, 12:16] = 0.9
    distance = np.zeros_like(foreground)
    distance[3:5, 3:5] = 0.8
    found = split_instances(foreground, distance, min_size=10)
    assert found.max() == 2
    assert (found[2:6, 2:6] > 0).all()
    assert (found[2:6, 12:16] > 0).all()


def test_specks_are_left_out_and_the_rest_is_numbered_without_a_gap():
    labels = discs((5, 5, 1), (20, 20, 6), (30, 50, 6))
    found = split_instances(*instance_targets(labels), min_size=10)
    assert np.unique(found).tolist() == [0, 1, 2]


def test_nothing_found_is_no_object():
    assert split_instances(np.zeros((8, 8)), np.zeros((8, 8))).max() == 0


def test_three_dimensions_work_alike():
    grid = np.indices((16, 16, 28))
    centres = ((8, 8, 8), (8, 8, 19))
    labels = np.zeros(grid.shape[1:], dtype=np.int32)
    for number, centre in enumerate(centres, start=1):
        labels[sum((axis - middle) ** 2 for axis, middle in zip(grid, centre, strict=True)) <= 36] = number
    assert score_instances(split_instances(*instance_targets(labels)), labels).ap["0.90"] == 1


def test_maps_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        split_instances(np.zeros((4, 4)), np.zeros((4, 5)))


def test_the_transform_keeps_the_geometry_and_the_other_items():
    labels = discs((20, 20, 9), (20, 36, 8))
    affine = torch.diag(torch.tensor([0.5, 0.5, 1.0]))
    item = {"pred": MetaTensor(torch.from_numpy(instance_targets(labels)), affine=affine), "other": 1}
    found = InstancesFromDistanced("pred")(item)
    assert found["other"] == 1
    assert found["pred"].shape == (1, *labels.shape)
    assert found["pred"].max() == 2
    assert torch.equal(found["pred"].affine, affine.to(found["pred"].affine))


def test_the_transform_wants_two_channels():
    with pytest.raises(ValueError, match="two channels"):
        InstancesFromDistanced("pred")({"pred": torch.zeros(3, 8, 8)})
