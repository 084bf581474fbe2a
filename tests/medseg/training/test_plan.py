from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.networks.nets import UNet

from medseg.errors import UserError
from medseg.networks.segnet import SegNet
from medseg.training.case_facts import CaseFacts
from medseg.training.fingerprint import make_fingerprint
from medseg.training.patch_memory import Budget
from medseg.training.plan import Plan, make_plan
from medseg.training.recipe import Recipe
from medseg.training.size_multiple import takes_size

MakeFacts = Callable[..., CaseFacts]
NETWORK = UNet(3, 1, 2, (2, 4, 8), (2, 2), norm="instance")
RECIPE = Recipe(
    spacing=[1.0, 1.0, 1.0],
    roi_size=[16, 16, 16],
    batch_size=4,
    max_epochs=100,
    learning_rate=0.01,
    network_def=NETWORK,
)


def planned(cases: list[CaseFacts], recipe: Recipe = RECIPE, **budget: Any) -> tuple[dict[str, Any], Plan]:
    given = {"memory": 10**10, "holds_cache": True, "training_cases": 100, "recipe_cases": 80} | budget
    plan = make_plan(make_fingerprint(cases, {1}), recipe, 1, Budget(**given))
    return {item.key: item.value for item in plan.values}, plan


def reason(plan: Plan, key: str) -> str:
    return next(item.reason for item in plan.values if item.key == key)


def test_plan_of_isotropic_cases(facts_of: MakeFacts) -> None:
    values, plan = planned([facts_of((30, 41, 36), (2.0, 2.0, 2.0))] * 110)
    assert values["spacing"] == [2, 2, 2]
    assert values["roi_size"] == [32, 44, 36]  # multiples of 4, the network having two strides of 2
    # 5 percent of the voxels of 100 cases are 4.4 patches.
    assert values["batch_size"] == int(0.05 * 100 * 30 * 41 * 36 / (32 * 44 * 36)) == 4
    assert values["max_epochs"] == 80  # 100 epochs of 20 batches are 80 of 25
    assert values["learning_rate"] == 0.01
    assert "multiples of 4 x 4 x 4" in reason(plan, "roi_size")
    assert "2000 iterations" in reason(plan, "max_epochs")
    assert "80 cases in batches of 4" in reason(plan, "max_epochs")
    assert plan.memory.total < 10**9


def test_a_coarse_axis_gets_what_a_tenth_of_the_cases_stay_below(facts_of: MakeFacts) -> None:
    # As nnU-Net: cases of 1 x 1 x 8 mm, a tenth of them finer along the last axis, and of few slices.
    cases = [facts_of((200, 200, 20), (1.0, 1.0, 8.0))] * 9 + [facts_of((200, 200, 40), (1.0, 1.0, 4.0))] * 2
    values, plan = planned(cases)
    assert values["spacing"] == [1, 1, 4]
    assert "axis 3 is coarse (8 mm" in reason(plan, "spacing")
    # As many slices as pixels: coarse, yet not thin, so nothing is to be gained.
    values, _ = planned([facts_of((40, 40, 40), (1.0, 1.0, 8.0))] * 11)
    assert values["spacing"] == [1, 1, 8]


def test_the_coarse_axis_never_becomes_finer_than_the_others(facts_of: MakeFacts) -> None:
    cases = [facts_of((200, 200, 20), (1.0, 1.0, 8.0))] * 8 + [facts_of((200, 200, 99), (1.0, 1.0, 0.2))] * 3
    assert planned(cases)[0]["spacing"] == [1, 1, 1]


@settings(max_examples=10, deadline=None)
@given(shape=st.tuples(*[st.integers(16, 200)] * 3), megabytes=st.integers(1000, 5000), training=st.integers(3, 400))
def test_a_plan_fits_the_memory_and_the_network(shape: tuple[int, ...], megabytes: int, training: int) -> None:
    case = CaseFacts(shape, (1.0, 1.0, 1.0), "RAS", 1, "float32", {1: 1}, np.ones((1, 1), np.float32))
    values, plan = planned([case] * 5, memory=megabytes * 10**6, training_cases=training)
    assert plan.memory.total <= 0.9 * megabytes * 10**6
    assert all(side % 4 == 0 for side in values["roi_size"])
    assert all(side < extent + 4 for side, extent in zip(values["roi_size"], shape, strict=True))
    assert 2 <= values["batch_size"] <= max(training // 10, 2)
    assert values["max_epochs"] >= 1


def test_a_patch_is_cut_down_to_the_memory_along_its_longest_axis_first(facts_of: MakeFacts) -> None:
    values, plan = planned([facts_of((256, 256, 256))] * 5, memory=3 * 10**9)
    assert prod(values["roi_size"]) < 256**3
    assert max(values["roi_size"]) - min(values["roi_size"]) <= 8
    assert "cut down from 256 x 256 x 256" in reason(plan, "roi_size")
    assert planned([facts_of((256, 256, 256))] * 5, memory=10**12)[0]["roi_size"] == [256, 256, 256]


def test_no_side_of_a_patch_is_cut_below_eight(facts_of: MakeFacts) -> None:
    # Sides that are no multiples of what is cut off each time, on a network that takes any size.
    network = torch.nn.Conv3d(1, 2, 3, padding=1)
    recipe = RECIPE.model_copy(update={"network_def": network})
    cases = [facts_of((50, 50, 50), (1.0, 1.0, 1.0))] * 10
    smallest = None
    for megabytes in range(100, 60, -1):
        try:
            smallest = planned(cases, recipe, memory=megabytes * 10**6)[0]["roi_size"]
        except UserError:
            break
    assert smallest is not None
    assert 8 <= min(smallest) < 16


def test_a_patch_that_is_too_small_for_the_network_is_not_planned(facts_of: MakeFacts) -> None:
    network = SegNet(3, 1, 2, width=0.1)
    recipe = RECIPE.model_copy(update={"network_def": network})
    cases = [facts_of((44, 60, 44), (1.0, 1.0, 1.0))] * 10
    taken = []
    for megabytes in range(400, 20, -10):
        try:
            taken.append(planned(cases, recipe, memory=megabytes * 10**6)[0]["roi_size"])
        except UserError:
            break
    assert len({tuple(size) for size in taken}) > 1
    assert all(takes_size(network, 1, size) for size in taken)


def test_a_gpu_does_not_hold_the_cached_cases(facts_of: MakeFacts) -> None:
    many = [facts_of((64, 64, 64))] * 2000
    with pytest.raises(UserError, match="not even a patch"):
        planned(many, memory=10**9)
    assert planned(many, memory=10**9, holds_cache=False)[0]["batch_size"] >= 2


def test_without_a_manifest_epochs_stay(facts_of: MakeFacts) -> None:
    values, plan = planned([facts_of((30, 30, 30))] * 5, recipe_cases=None)
    assert values["max_epochs"] == 100
    assert "does not say" in reason(plan, "max_epochs")


def test_keys_that_the_config_lacks_are_not_planned(facts_of: MakeFacts) -> None:
    bare = Recipe(roi_size=[16, 16, 16], batch_size=4, network_def=NETWORK)
    assert planned([facts_of((30, 30, 30))] * 5, bare)[0].keys() == {"roi_size", "batch_size"}
    with pytest.raises(UserError, match="needs a train config with network_def"):
        planned([facts_of((30, 30, 30))] * 5, Recipe(batch_size=4, network_def=NETWORK))


def test_data_of_other_axes_are_refused(facts_of: MakeFacts) -> None:
    with pytest.raises(UserError, match="takes images of 3 axes, but the data have 2"):
        planned([facts_of((30, 30))] * 5)
