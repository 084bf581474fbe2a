from collections.abc import Iterator, Sequence

import torch
from torch import nn

from medseg.training.memory import as_list, on_meta

# Strides of published networks multiply to these; sides are tried that are at least so long.
_CANDIDATES = (1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 24, 27, 32, 36, 48, 54, 64)
_LEAST_SIDE = 64


def size_multiple(network: nn.Module, in_channels: int, axes: int) -> list[int] | None:
    """Of what number the sides of an image must be multiples, axis by axis, for the network to take it.

    A network may say so itself by an attribute ``multiple``; of others, sizes are tried on torch's meta device.

    Args:
        network: its weights are left as they are.
        in_channels: of the image.
        axes: spatial ones, 2 or 3.

    Returns:
        None where no size was found that the network takes.

    Raises:
        NotImplementedError: the network does something that the meta device does not know.
    """
    own = getattr(network, "multiple", None)
    if isinstance(own, Sequence) and len(own) == axes:
        return [int(number) for number in own]
    shadow = on_meta(network).eval()
    found = next((number for number in _CANDIDATES if _takes(shadow, in_channels, [number] * axes)), None)
    if found is None:
        return None
    multiple = [found] * axes
    for axis in range(axes):
        # The other axes stay at what is known to work, as one of them can want more than this one.
        for number in _CANDIDATES:
            if found % number == 0 and _takes(shadow, in_channels, [*multiple[:axis], number, *multiple[axis + 1 :]]):
                multiple[axis] = number
                break
    return multiple


def takes_size(network: nn.Module, in_channels: int, size: Sequence[int]) -> bool:
    """Whether a network gives an output as large as an image of ``size``.

    Raises:
        NotImplementedError: the network does something that the meta device does not know.
    """
    return _gives_same_size(on_meta(network).eval(), in_channels, size)


def _takes(shadow: nn.Module, in_channels: int, multiple: Sequence[int]) -> bool:
    return all(_gives_same_size(shadow, in_channels, size) for size in _sizes(multiple))


def _sizes(multiple: Sequence[int]) -> Iterator[list[int]]:
    """Two sizes: odd times ``multiple``, so that they are multiples of no higher power of two."""
    for more in (0, 2):
        yield [number * ((-(-_LEAST_SIDE // number) | 1) + more) for number in multiple]


def _gives_same_size(shadow: nn.Module, in_channels: int, size: Sequence[int]) -> bool:
    try:
        with torch.no_grad():
            output = as_list(shadow(torch.empty((1, in_channels, *size), device="meta")))[0]
    except NotImplementedError:
        raise
    except (RuntimeError, ValueError):
        return False
    return list(output.shape[-len(size) :]) == list(size)
