"""Time of a training step with medseg's instance normalisation over that with PyTorch's, in turns, on one thread."""

import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from medseg.bundle import find_bundle
from medseg.networks.deeplabv3plus import DeepLabV3Plus
from medseg.networks.instance_norm import InstanceNorm

ROUNDS = 7


def focusnet() -> nn.Module:
    from monai.bundle import ConfigParser

    parser = ConfigParser()
    parser.read_config(str(find_bundle("hippocampus_focusnet") / "configs" / "train.yaml"))
    return parser.get_parsed_content("network_def")


def deeplab() -> nn.Module:
    return DeepLabV3Plus(
        3, 1, 3, width=0.25, output_stride=8, stem_stride=2, upsampling="learned", rates=(1, 2, 3), norm="instance"
    )


class TorchNorm(nn.Module):
    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return nn.functional.instance_norm(features, eps=self.eps)


def with_torch_norm(network: nn.Module) -> nn.Module:
    for name, layer in network.named_children():
        if isinstance(layer, InstanceNorm):
            setattr(network, name, TorchNorm(layer.eps))
        else:
            with_torch_norm(layer)
    return network


def seconds_of_step(network: nn.Module) -> float:
    windows, label = torch.randn(4, 1, 40, 56, 40), torch.randint(0, 3, (4, 40, 56, 40))
    started = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16):
        loss = nn.functional.cross_entropy(network(windows).float(), label)
    loss.backward()
    return time.perf_counter() - started


def compare(name: str, build: Callable[[], nn.Module]) -> None:
    ours, theirs = (
        change(build()).to(memory_format=torch.channels_last_3d).train()
        for change in (lambda same: same, with_torch_norm)
    )
    for network in (ours, theirs):
        seconds_of_step(network)
    ratios = [seconds_of_step(ours) / seconds_of_step(theirs) for _ in range(ROUNDS)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"{name}: {middle:.2f} of the time (quartiles {low:.2f} to {high:.2f}, n = {ROUNDS})")


if __name__ == "__main__":
    torch.set_num_threads(1)
    compare("FocusNet", focusnet)
    compare("DeepLabv3+", deeplab)
