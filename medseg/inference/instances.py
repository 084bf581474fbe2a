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
    smoothing: float = 1.0,
    peak_height: float = 0.1,
    least_peak: float = 0.2,
    min_size: int = 20,
) -> np.ndarray:
    """Objects of an image from two maps of a network, by watershed.

    The distance map is high in the middle of every object and low where two touch. Each of its peaks that rises enough
    above the pass to a higher one is the middle of an object; from there objects are flooded downhill, up to the
    foreground's edge and to each other. A piece of foreground without a peak is an object of its own.

    Args:
        foreground: Probability of a pixel to lie in any object, shape ``(H, W)`` or ``(D, H, W)``.
        distance: Distance to the edge of the pixel's object, over the largest in that object; same shape.
        threshold: Of the foreground.
        smoothing: Standard deviation of the Gaussian that smoothes the distance, in pixels; 0 leaves it.
        peak_height: Height of a peak above the pass, in units of the distance; more merges, less splits.
        least_peak: Peaks where the distance is lower than this are none.
        min_size: Objects of fewer pixels are left out.

    Returns:
        0 for background, 1 to n for the objects, int32, same shape.

    Raises:
        ValueError: The shapes differ.
    """
    from skimage.morphology import h_maxima
    from skimage.segmentation import watershed

    if foreground.shape != distance.shape:
        raise ValueError(f"`foreground` and `distance` must have one shape, got {foreground.shape}, {distance.shape}")
    mask = foreground > threshold
    if not mask.any():
        return np.zeros(mask.shape, dtype=np.int32)
    height = ndimage.gaussian_filter(distance.astype(np.float64), smoothing)
    every = np.ones((3,) * mask.ndim)
    seeds, n = ndimage.label((h_maxima(height, peak_height) > 0) & mask & (height >= least_peak), every)
    pieces, n_pieces = ndimage.label(mask, every)
    has_seed = np.zeros(n_pieces + 1, dtype=bool)
    has_seed[pieces[seeds > 0]] = True
    lone = mask & ~has_seed[pieces]
    seeds[lone] = n + pieces[lone]
    return _numbered(watershed(-height, seeds, mask=mask), min_size)


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
        smoothing: Of the distance, in pixels.
        peak_height: Height of a peak above the pass to a higher one.
        least_peak: Lowest distance of a peak.
        min_size: Objects of fewer pixels are left out.
    """

    # What comes before gives probabilities, what comes after takes labels.
    gives_label = True

    def __init__(
        self,
        keys: KeysCollection,
        threshold: float = 0.5,
        smoothing: float = 1.0,
        peak_height: float = 0.1,
        least_peak: float = 0.2,
        min_size: int = 20,
    ) -> None:
        super().__init__(keys)
        self.options = (threshold, smoothing, peak_height, least_peak, min_size)

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
            labels = split_instances(foreground, distance, *self.options)
            found = torch.empty_like(maps[:1])  # keeps the geometry
            found[0] = torch.from_numpy(labels).to(found)
            items[key] = found
        return items
