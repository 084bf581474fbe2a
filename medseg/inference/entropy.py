import math
from typing import Literal

import torch

Channels = Literal["classes", "independent", "foreground"]


def normalised_entropy(probabilities: torch.Tensor, channels: Channels) -> torch.Tensor:
    """Shannon entropy of every voxel as a share of the greatest there can be: 0 is certain, 1 is knowing nothing.

    Args:
        probabilities: shape ``(C, ...)``. Values that interpolation put beyond 0 or 1 count as 0 and 1.
        channels: ``classes``: they sum to 1 over at least two channels, and the entropy in nats is divided by log C.
            ``independent``: each is the probability of one structure, and the binary entropies, divided by log 2, are
            averaged over channels. ``foreground``: the first is that of any object, the others are no probabilities.

    Returns:
        Values in [0, 1], shape ``(...)``.
    """
    if channels == "classes":
        if len(probabilities) < 2:
            raise ValueError(f"`probabilities` of classes must have 2 channels or more, got {len(probabilities)}")
        return (_terms(probabilities).sum(0) / math.log(len(probabilities))).clamp(0, 1)
    each = probabilities[:1] if channels == "foreground" else probabilities
    return ((_terms(each) + _terms(1 - each)).mean(0) / math.log(2)).clamp(0, 1)


def _terms(probabilities: torch.Tensor) -> torch.Tensor:
    clamped = probabilities.clamp(0, 1)
    return -torch.xlogy(clamped, clamped)
