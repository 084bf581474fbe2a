from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from math import prod

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

# Measured on CPUs (docs/benchmarks.md): with what backward computes beside the activations, and what the allocator
# keeps from one iteration to the next, a training takes twice the activations; and a little whatever its size.
_WORKING, _CONSTANT = 1.0, 64 * 2**20
_LOSS_MAPS = 4  # softmax, its logarithm, the one-hot label and their product, each as large as the output
_FLOAT32 = 4


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that a training takes beside what the process has already.

    Attributes:
        weights: of the network, float32.
        gradients: one for every weight.
        optimizer: AdamW's two means for every weight.
        activations: what the forward pass of one batch keeps for the backward pass, the loss included.
        working: what the backward pass takes beside them, and what the allocator does not give back.
        cache: preprocessed images and labels, on the CPU.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    working: int
    cache: int = 0

    @property
    def on_device(self) -> int:
        """Bytes on the device that trains, the cache left out."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.working

    @property
    def total(self) -> int:
        """All bytes together."""
        return self.on_device + self.cache

    def scaled(self, factor: float, cache: int) -> "MemoryEstimate":
        """The estimate for ``factor`` times as many voxels in a batch and another cache.

        Activations of convolutions grow in step with the voxels.
        """
        activations = round(self.activations * factor)
        return replace(self, activations=activations, working=_working(activations), cache=cache)


def estimate_training_memory(
    network: nn.Module,
    patch_size: Sequence[int],
    in_channels: int,
    batch_size: int,
    dtype: torch.dtype = torch.float32,
    cache: int = 0,
) -> MemoryEstimate:
    """Estimate what training a network takes, without computing anything: it runs once on torch's meta device.

    Args:
        network: its weights are left as they are.
        patch_size: voxels along each axis.
        in_channels: of the image.
        batch_size: patches of one iteration.
        dtype: of the activations, as under autocast.
        cache: bytes of the cached cases (see `cache_bytes`).

    Raises:
        NotImplementedError: the network does something that the meta device does not know.
        RuntimeError, ValueError: the network does not take patches of this size.
    """
    weights = sum(tensor.numel() for tensor in network.parameters()) * _FLOAT32
    shadow = on_meta(network).to(dtype).train()
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        # By storage, because views share one; the tensor is held, so that no later storage gets the same address.
        kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    image = torch.empty((batch_size, in_channels, *patch_size), dtype=dtype, device="meta")
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs = shadow(image)
    own = {tensor.untyped_storage()._cdata for tensor in shadow.parameters()}
    activations = sum(tensor.untyped_storage().nbytes() for key, tensor in kept.items() if key not in own)
    activations += _LOSS_MAPS * _FLOAT32 * sum(output.numel() for output in as_list(outputs))
    return MemoryEstimate(
        weights=weights,
        gradients=weights,
        optimizer=2 * weights,
        activations=activations,
        working=_working(activations),
        cache=cache,
    )


def cache_bytes(cases: int, channels: int, mean_voxels: float, least_shape: Sequence[float]) -> int:
    """Bytes of ``cases`` that are kept preprocessed: image and label, float32, padded to ``least_shape`` at least."""
    return round(cases * (channels + 1) * max(mean_voxels, prod(least_shape)) * _FLOAT32)


def gigabytes(size: float) -> str:
    """A number of bytes as ``1.2 GB``, of 10^9 bytes each."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e9:.2f} GB"


def on_meta(network: nn.Module) -> nn.Module:
    """A copy of a network that computes shapes and no values."""
    return deepcopy(network).to("meta")


def as_list(outputs: Tensor | Sequence[Tensor]) -> list[Tensor]:
    """The outputs of a network, which with deep supervision are several."""
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)


def _working(activations: int) -> int:
    return round(activations * _WORKING) + _CONSTANT
