import pytest
import torch

from medseg.bundle import shipped_bundles
from medseg.errors import UserError
from medseg.training.recipe import read_recipe
from medseg.training.workflow import merged_config


def test_recipe_of_the_shipped_bundle() -> None:
    recipe = read_recipe(merged_config({"batch_size": "$2 * 3"}, shipped_bundles()["hippocampus_unet"]))
    assert recipe.spacing == [1.0, 1.0, 1.0]
    assert recipe.roi_size == [40, 56, 40]
    assert recipe.batch_size == 6  # expressions are evaluated
    assert recipe.dtype is torch.bfloat16
    assert isinstance(recipe.network_def, torch.nn.Module)


def test_what_a_config_does_not_say_is_none() -> None:
    recipe = read_recipe({"max_epochs": 3})
    assert (recipe.max_epochs, recipe.spacing, recipe.network_def, recipe.dtype) == (3, None, None, torch.float32)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"batch_size": "abc"}, "cannot be used as it is set: batch_size: Input should be a valid integer"),
        ({"roi_size": [16, 0, 16]}, "cannot be used as it is set: roi_size#1"),
        ({"spacing": [1.0]}, "cannot be used as it is set: spacing"),
        ({"batch_size": "$1 / 0"}, "cannot be used as it is set: division by zero"),
        ({"network_def": 3}, "cannot be used as it is set: network_def is no network but a int"),
    ],
)
def test_useless_values_are_one_sentence(config: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_recipe(config)
