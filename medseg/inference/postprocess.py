from collections.abc import Iterable

import numpy as np


def postprocess(label: np.ndarray, largest_component: Iterable[int] = (), fill_holes: Iterable[int] = ()) -> np.ndarray:
    """A label map of classes without stray components and holes; ``label`` itself stays as it is.

    Voxels that touch at a corner belong together. Of MONAI's transforms of this kind one needs scikit-image, and the
    other gives an enclosed voxel of another class to the class round it.

    Args:
        label: label values, shape ``(D, H, W)`` or ``(H, W)``; 0 is the background.
        largest_component: classes of which the largest component stays and the others become background.
        fill_holes: classes whose enclosed background is filled; what is enclosed of another class stays. Components
            are taken away before holes are filled.
    """
    from scipy import ndimage

    touching = np.ones((3,) * label.ndim, dtype=bool)
    result = label.copy()
    for value in largest_component:
        components, count = ndimage.label(result == value, touching)
        if count > 1:
            largest = np.bincount(components.ravel())[1:].argmax() + 1
            result[(components > 0) & (components != largest)] = 0
    for value in fill_holes:
        filled = ndimage.binary_fill_holes(result == value)
        result[filled & (result == 0)] = value
    return result
