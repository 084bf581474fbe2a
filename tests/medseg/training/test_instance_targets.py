import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from medseg.training.instance_targets import InstanceTargetsd, instance_targets

label_images = arrays(
    np.uint16, array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=8), elements=st.integers(0, 4)
)


@given(label_images)
def test_the_foreground_is_every_object_and_the_distance_is_one_somewhere_in_each(labels):
    foreground, distance = instance_targets(labels)
    assert np.array_equal(foreground, labels > 0)
    assert np.array_equal(distance > 0, labels > 0)
    for number in set(labels.ravel().tolist()) - {0}:
        assert distance[labels == number].max() == 1


@given(label_images, st.permutations([1, 2, 3, 4]))
def test_the_numbers_of_the_objects_do_not_matter(labels, others):
    renamed = np.array([0, *others])[labels]
    assert np.array_equal(instance_targets(labels), instance_targets(renamed))


def test_objects_that_touch_have_a_valley_between_them():
    labels = np.array([[1, 1, 1, 2, 2, 2]] * 3)
    # Distances are those to the nearest pixel of another object less half a pixel; the border is no edge.
    assert np.allclose(instance_targets(labels)[1], [[1, 0.6, 0.2, 0.2, 0.6, 1]] * 3)


def test_an_object_that_fills_the_image_has_no_edge():
    assert (instance_targets(np.full((4, 5), 7))[1] == 1).all()


def test_the_transform_makes_two_channels_of_one():
    label = torch.zeros(1, 6, 7)
    label[0, 2:4, 2:5] = 3
    found = InstanceTargetsd("label")({"label": label})["label"]
    assert found.shape == (2, 6, 7)
    assert found.dtype == torch.float32
