from collections.abc import Hashable, Mapping

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from scipy.ndimage import distance_transform_edt, find_objects


def instance_targets(labels: np.ndarray) -> np.ndarray:
    """What a network learns of objects: where they are, and how far each pixel is from the edge of its object.

    Args:
        labels: 0 background, another whole number for each object, shape ``(H, W)`` or ``(D, H, W)``.

    Returns:
        float32, shape ``(2, H, W)`` or ``(2, D, H, W)``: the foreground, 0 or 1; and the Euclidean distance from the
        object's edge, over the largest in that object. The edge lies half a pixel before the nearest pixel outside, so
        that small objects that touch have a valley between them too. Where the image cuts an object off, that is no
        edge of it.
    """
    _, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape) if 0 in labels else dense.reshape(labels.shape) + 1
    targets = np.zeros((2, *labels.shape), dtype=np.float32)
    targets[0] = dense > 0
    for number, box in enumerate(find_objects(dense), start=1):
        inside = dense[box] == number
        around = [(int(part.start > 0), int(part.stop < size)) for part, size in zip(box, labels.shape, strict=True)]
        padded = np.pad(inside, around)
        if padded.all():  # it fills the image
            targets[1][box][inside] = 1
            continue
        back = tuple(slice(before, size - after) for (before, after), size in zip(around, padded.shape, strict=True))
        distance = distance_transform_edt(padded)[back] - 0.5
        targets[1][box][inside] = (distance / distance.max())[inside]
    return targets


class InstanceTargetsd(MapTransform):
    """``instance_targets`` of label images ``(1, H, W[, D])``, as a bundle's training names it."""

    def __init__(self, keys: KeysCollection) -> None:
        super().__init__(keys)

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """The items with targets ``(2, H, W[, D])`` in place of labels."""
        items = dict(data)
        for key in self.key_iterator(items):
            items[key] = torch.from_numpy(instance_targets(np.asarray(items[key][0])))
        return items
