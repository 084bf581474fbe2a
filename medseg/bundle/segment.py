import numpy as np

from medseg.bundle.load import LoadedBundle
from medseg.bundle.predict import predict
from medseg.io import Image


def segment(bundle: LoadedBundle, image: Image) -> np.ndarray:
    """The label map of ``image``, unsigned integers of shape ``image.spatial_shape``, voxel for voxel.

    Raises:
        UserError: the image does not fit the network, or the bundle does not come back to the image's own grid.
    """
    return predict([bundle], image).label
