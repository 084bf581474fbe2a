import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from medseg.io import Image
from medseg.training.case_facts import case_facts


@given(order=st.permutations([0, 1, 2]), flipped=st.lists(st.booleans(), min_size=3, max_size=3))
def test_axes_are_those_of_the_patient_however_the_file_orders_them(order: list[int], flipped: list[bool]) -> None:
    shape, spacing = (4, 6, 8), (0.5, 1.0, 3.0)  # right-left, front-back, head-foot
    affine = np.zeros((4, 4))
    for voxel_axis, world_axis in enumerate(order):
        affine[world_axis, voxel_axis] = spacing[world_axis] * (-1 if flipped[world_axis] else 1)
    affine[3, 3] = 1
    voxels = np.zeros([shape[axis] for axis in order], np.uint8)
    image = Image(voxels[np.newaxis], affine, ".nii.gz")

    facts = case_facts(image, image)

    assert facts.shape == shape
    assert facts.spacing == spacing


def test_voxels_of_each_class_and_intensities_under_the_label() -> None:
    label = np.zeros((1, 4, 5), np.uint8)
    label[0, 0, :2], label[0, 1, 0] = 1, 3
    voxels = np.arange(40, dtype=np.int16).reshape(2, 4, 5)

    facts = case_facts(Image(voxels, np.eye(3), ".png"), Image(label, np.eye(3), ".png"))

    assert facts.voxels == {0: 17, 1: 2, 3: 1}
    assert facts.held == {1, 3}
    assert (facts.channels, facts.dtype, facts.orientation) == (2, "int16", "")
    assert facts.foreground.tolist() == [[0, 1, 5], [20, 21, 25]]


def test_large_foregrounds_are_sampled_the_same_way_twice() -> None:
    noise = np.random.default_rng(0).normal(size=(1, 40, 40, 40)).astype(np.float32)
    image, label = Image(noise, np.eye(4), ".nii.gz"), Image(np.ones_like(noise, np.uint8), np.eye(4), ".nii.gz")
    first, second = case_facts(image, label).foreground, case_facts(image, label).foreground
    assert first.shape == (1, 10_000)
    assert (first == second).all()
    assert abs(np.median(first) - np.median(noise)) < 0.05
