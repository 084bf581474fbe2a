from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from medseg.bundle import BundleMetadata, read_metadata, shipped_bundles
from medseg.errors import UserError
from medseg.training.case_facts import CaseFacts
from medseg.training.dataset import Case
from medseg.training.preflight import check_training, require_enough_cases
from medseg.training.workflow import merged_config

MakeFacts = Callable[..., CaseFacts]
SHIPPED = shipped_bundles()["hippocampus_unet"]
SPLITS = ("test", "test", "validation", "train", "train", "train")
CASES = [Case(str(number), Path(), Path(), split) for number, split in enumerate(SPLITS)]
IDS = [case.id for case in CASES]


@pytest.fixture(scope="module")
def metadata() -> BundleMetadata:
    return read_metadata(SHIPPED)


@pytest.fixture
def check(metadata: BundleMetadata, tiny: dict[str, Any], facts_of: MakeFacts) -> Callable[..., list[str]]:
    """Checks a training of the tiny network on six cases of 18 x 20 x 16 voxels, or those given."""

    def run(facts: list[CaseFacts] | None = None, memory_gb: float | None = None, **more: object) -> list[str]:
        facts = facts or [facts_of((18, 20, 16), voxels={0: 9, 1: 1, 2: 1})] * len(CASES)
        config = merged_config({**tiny, **more}, SHIPPED)
        return check_training(metadata, config, CASES, dict(zip(IDS, facts, strict=True)), "cpu", memory_gb)

    return run


def test_a_sound_training_is_told_what_it_needs(check: Callable[..., list[str]]) -> None:
    (sentence,) = check()
    assert "needs about 0." in sentence
    assert "cached cases" in sentence


def test_a_class_that_only_test_cases_hold_is_named(check: Callable[..., list[str]], facts_of: MakeFacts) -> None:
    facts = [facts_of((18, 20, 16), voxels={0: 9, 1: 1, 2: 1})] * 3 + [facts_of((18, 20, 16))] * 3
    with pytest.raises(UserError, match=r"no training case holds the class posterior \(label value 2\)"):
        check(facts)


def test_cases_that_choose_the_weights_hold_something(check: Callable[..., list[str]], facts_of: MakeFacts) -> None:
    both, one, none = (facts_of((18, 20, 16), voxels=held) for held in ({1: 1, 2: 1}, {1: 1}, {0: 9}))
    (_, warning) = check([both, both, one, both, both, both])
    assert warning == "warning: no case that chooses the weights holds the class posterior (label value 2)"
    with pytest.raises(UserError, match="none of the cases that choose the weights holds any class"):
        check([both, both, none, both, both, both])


def test_more_memory_than_there_is(check: Callable[..., list[str]]) -> None:
    with pytest.raises(UserError, match=r"needs about 0\.\d+ GB of memory and 0\.01 GB are available: lower"):
        check(memory_gb=0.01)
    with pytest.raises(UserError, match="are available"):
        check(roi_size=[4096, 4096, 4096])
    assert "of the 10000.0 GB" in check(memory_gb=10_000)[0]


def test_a_patch_that_the_network_does_not_take(check: Callable[..., list[str]]) -> None:
    with pytest.raises(UserError, match=r"does not take a roi_size of \[16, 17, 16\]: .* multiples of \[2, 2, 2\]"):
        check(roi_size=[16, 17, 16])


def test_a_patch_larger_than_every_image_costs_what_it_says(check: Callable[..., list[str]]) -> None:
    assert len(check(roi_size=[18, 20, 16])) == 1
    (_, warning) = check(roi_size=[18, 40, 16])
    assert "at most [18, 20, 16] voxels" in warning
    assert "50% of all time and memory" in warning
    assert "roi_size [18, 20, 16] would spare" in warning


def test_padding_that_the_strides_need_is_not_told_of(check: Callable[..., list[str]], facts_of: MakeFacts) -> None:
    facts = [facts_of((17, 19, 15), voxels={1: 1, 2: 1})] * len(CASES)
    assert len(check(facts, roi_size=[18, 20, 16])) == 1


def test_images_of_which_only_the_middle_is_trained_on(check: Callable[..., list[str]], facts_of: MakeFacts) -> None:
    facts = [facts_of((40, 30, 32), voxels={1: 1, 2: 1})] * len(CASES)
    (_, warning) = check(facts)
    assert "trains on the middle [16, 16, 16] of each, 11% of it" in warning
    crop = {"_target_": "RandSpatialCropd", "keys": ["image", "label"], "roi_size": [16, 16, 16], "random_size": False}
    assert len(check(facts, **{"train#random_transforms": [crop]})) == 1


def test_spacing_and_patch_have_an_entry_for_every_axis(check: Callable[..., list[str]]) -> None:
    for wrong in ({"spacing": [1.0, 1.0]}, {"roi_size": [16, 16]}):
        with pytest.raises(UserError, match="one entry for each of the 3 axes"):
            check(**wrong)


def test_no_batch_would_be_full(check: Callable[..., list[str]]) -> None:
    with pytest.raises(UserError, match="batch_size is 4 and the training cases are 3"):
        check(batch_size=4)


class OfValues(torch.nn.Module):
    """A network whose output depends on values, which the meta device does not have."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image * image.mean().item()


def test_a_network_that_cannot_run_without_values_is_left_to_itself(check: Callable[..., list[str]]) -> None:
    assert "is not known" in check(network_def=OfValues())[0]


def test_fewer_cases_than_parts() -> None:
    require_enough_cases(CASES[:5])
    with pytest.raises(UserError, match="4 cases are too few: 5 are needed"):
        require_enough_cases(CASES[:4])
    twice = [replace(case, patient=f"patient {number % 2}") for number, case in enumerate(CASES)]
    with pytest.raises(UserError, match=f"{len(CASES)} cases of 2 patients are too few: 5 patients are needed"):
        require_enough_cases(twice)
