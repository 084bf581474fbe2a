import itertools
from collections.abc import Callable, Iterator, Sequence

import torch


def mirrored_outputs(
    inputs: torch.Tensor, infer: Callable[[torch.Tensor], torch.Tensor], axes: Sequence[int] = ()
) -> Iterator[torch.Tensor]:
    """What ``infer`` gives for ``inputs`` and for its mirror images, each turned back onto the voxels of ``inputs``.

    Args:
        inputs: shape ``(B, C, ...)``.
        infer: gives one value or more a voxel, shape ``(B, K, ...)``; values that point along an axis would need their
            sign changed too, which is not done.
        axes: spatial axes to mirror along, from 0. Every combination of them is taken, ``2 ** len(axes)`` in all, the
            image as it is first; without axes it is the only one.
    """
    for count in range(len(axes) + 1):
        for chosen in itertools.combinations(axes, count):
            dims = [axis + 2 for axis in chosen]
            yield infer(inputs.flip(dims)).flip(dims) if dims else infer(inputs)
