import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from monai.bundle import ConfigParser
from monai.networks.nets import UNet

from medseg.bundle import shipped_bundles
from medseg.errors import UserError
from medseg.training.freeze import freeze
from medseg.training.workflow import TRAIN_CONFIG, run_training

SHIPPED = shipped_bundles()["hippocampus_unet"]
ENCODER: str = yaml.safe_load((SHIPPED / TRAIN_CONFIG).read_text(encoding="utf-8"))["encoder"]


def unet(norm: str = "batch", residual_units: int = 2, channels: tuple[int, ...] = (4, 8, 16)) -> UNet:
    torch.manual_seed(0)
    strides = [2] * (len(channels) - 1)
    return UNet(2, 1, 3, channels=channels, strides=strides, num_res_units=residual_units, norm=norm)


def part_of(network: torch.nn.Module) -> tuple[set[str], set[str]]:
    """Names of the parameters that are frozen, and of those that are not."""
    named = dict(network.named_parameters())
    frozen = {name for name, parameter in named.items() if not parameter.requires_grad}
    return frozen, named.keys() - frozen


def test_the_shipped_encoder_is_the_way_down_and_the_bottom() -> None:
    parser = ConfigParser()
    parser.read_config(str(SHIPPED / TRAIN_CONFIG))
    network = parser.get_parsed_content("network_def")
    freeze(network, ENCODER)
    frozen, trained = part_of(network)
    # Levels below one another are named model.1.submodule; the way up is the third of each.
    up = {f"model.{'1.submodule.' * depth}2." for depth in range(3)}
    assert trained == {name for name, _ in network.named_parameters() if any(map(name.startswith, up))}
    assert {name for name in frozen if "submodule.1.submodule.1.submodule.conv" in name}
    assert len(frozen) == 4 * 8
    assert len(trained) == 3 * 6 - 1


@pytest.mark.parametrize("residual_units", [0, 2])
@pytest.mark.parametrize("channels", [(4, 8), (4, 8, 16, 32)])
def test_the_pattern_holds_for_other_depths_of_the_network(residual_units: int, channels: tuple[int, ...]) -> None:
    network = unet(residual_units=residual_units, channels=channels)
    freeze(network, ENCODER)
    # What is frozen is all that is needed to come to the bottom: gradients of its output reach nothing else.
    frozen, trained = part_of(network)
    copy = unet(residual_units=residual_units, channels=channels)
    bottom = copy.model[1].submodule
    while hasattr(bottom, "__getitem__") and hasattr(bottom[1], "submodule"):
        bottom = bottom[1].submodule
    values: list[torch.Tensor] = []
    bottom.register_forward_hook(lambda module, inputs, output: values.append(output))
    copy(torch.randn(2, 1, 16, 16))
    values[0].square().sum().backward()
    assert {name for name, parameter in copy.named_parameters() if parameter.grad is not None} == frozen
    assert trained


def test_weight_decay_and_batches_leave_what_is_frozen_bit_for_bit() -> None:
    network = unet()
    network.train()
    network(torch.randn(4, 1, 16, 16) * 3 + 2)  # statistics that are not those of the start
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.5)
    freeze(network, ENCODER)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for _ in range(3):
        network.train()
        optimizer.zero_grad(set_to_none=True)
        network(torch.randn(4, 1, 16, 16)).square().mean().backward()
        optimizer.step()
    after = network.state_dict()
    same = {name for name in before if torch.equal(before[name], after[name])}
    # Statistics included: running_mean, running_var and num_batches_tracked.
    assert {name for name in before if re.match(ENCODER, name)} == same
    assert any("running_mean" in name for name in same)
    assert any("running_mean" in name for name in before.keys() - same)


def test_a_frozen_layer_normalises_in_training_as_it_will_in_use() -> None:
    network = unet()
    freeze(network, ENCODER)
    layer = network.model[0]
    image = torch.randn(2, 1, 16, 16)
    network.train()
    trained = layer(image)
    network.eval()
    assert torch.equal(trained, layer(image))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("down", "matches none: the first is model.0"),
        ("", "matches all"),
        ("(", "must be a regular expression"),
    ],
)
def test_a_pattern_of_no_part_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        freeze(unet(), pattern)


def test_training_with_a_frozen_encoder_goes_on_with_it_after_a_resume(
    untrained: Path, dataset: Path, tiny: dict[str, Any], tmp_path: Path
) -> None:
    settings = {**tiny, "dataset_dir": str(dataset), "learning_rate": 0.05}
    run_training(untrained, {**settings, "max_epochs": 1}, lambda *_: None)
    start = tmp_path / "start.pt"
    (untrained / "models" / "model.pt").rename(start)
    run_training(untrained, settings, lambda *_: None, start, ENCODER)
    run_training(untrained, {**settings, "max_epochs": 3, "resume": True}, lambda *_: None, start, ENCODER)

    before = torch.load(start, weights_only=True)
    after = torch.load(untrained / "train" / "last.pt", weights_only=True)["network"]
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same == {name for name in before if not name.startswith("model.2.")}
