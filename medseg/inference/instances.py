from collections.abc import Hashable, Mapping

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from scipy import ndimage


def split_instances(
    foreground: np.ndarray,
    distance: np.ndarray,
    threshold: float = 0.5,
    core: float = 0.5,
    min_size: int = 10,
) -> np.ndarray:
    """Objects of an image from two maps of a network, by watershed.

    The distance map is high in the middle of every object and low where two touch, so that what lies above ``core`` is
    one piece an object. From these pieces the objects are flooded downhill, up to the foreground's edge and to each
    other. A piece of foreground without a core is an object of its own.

    Args:
        foreground: Probability of a pixel to lie in any object, shape ``(H, W)`` or ``(D, H, W)``.
        distance: Distance to the edge of the pixel's object, over the largest in that object; same shape.
        threshold: Of the foreground.
        core: Of the distance; more splits, less merges.
        min_size: Objects of fewer pixels are left out.

    Returns:
        0 for background, 1 to n for the objects, int32, same shape.

    Raises:
        ValueError: The shapes differ.
    """
    from skimage.segmentation import watershed

    if foreground.shape != distance.shape:
        raise ValueError(f"`foreground` and `distance` must have one shape, got {foreground.shape}, {distance.shape}")
    mask = foreground > threshold
    every = np.ones((3,) * mask.ndim)
    seeds, n = ndimage.label(mask & (distance > core), every)
    pieces, n_pieces = ndimage.label(mask, every)
    has_core = np.zeros(n_pieces + 1, dtype=bool)
    has_core[pieces[seeds > 0]] = True
    lone = mask & ~has_core[pieces]
    seeds[lone] = n + pieces[lone]
    return _numbered(watershed(-distance, seeds, mask=mask), min_size)


def _numbered(labels: np.ndarray, min_size: int) -> np.ndarray:
    """Objects large enough, numbered from 1 without a gap."""
    size = np.bincount(labels.ravel())
    keep = size >= max(min_size, 1)
    keep[0] = False
    number = np.zeros(len(size), dtype=np.int32)
    number[keep] = np.arange(1, np.count_nonzero(keep) + 1)
    numbered: np.ndarray = number[labels]
    return numbered


class InstancesFromDistanced(MapTransform):
    """``split_instances`` on two channels, foreground probability and distance, as a bundle's postprocessing names it.

    Args:
        keys: Maps of shape ``(2, H, W)`` or ``(2, D, H, W)``; become objects ``(1, H, W)`` or ``(1, D, H, W)``.
        threshold: See ``split_instances``, as the others.
        core: Of the distance.
        min_size: Objects of fewer pixels are left out.
    """

    # What comes before gives probabilities, what comes after takes labels.
    gives_label = True

    def __init__(
        self,
        keys: KeysCollection,
        threshold: float = 0.5,
        core: float = 0.5,
        min_size: int = 10,
    ) -> None:
        super().__init__(keys)
        self.threshold, self.core, self.min_size = threshold, core, min_size

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """The items with objects in place of maps.

        Raises:
            ValueError: There are not two channels.
        """
        items = dict(data)
        for key in self.key_iterator(items):
            maps = items[key]
            if maps.shape[0] != 2:
                raise ValueError(f"objects are split by two channels, foreground and distance, got {maps.shape[0]}")
            foreground, distance = (np.asarray(part.detach().cpu(), dtype=np.float32) for part in maps)
            labels = split_instances(foreground, distance, self.threshold, self.core, self.min_size)
            found = torch.empty_like(maps[:1])  # keeps the geometry
            found[0] = torch.from_numpy(labels).to(found)
            items[key] = found
        return items
