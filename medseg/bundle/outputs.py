from collections.abc import Iterator
from typing import Any

import numpy as np

from medseg.bundle.load import LoadedBundle
from medseg.errors import UserError
from medseg.io import Image


def network_outputs(bundle: LoadedBundle, image: Image, mirror: bool = False) -> Iterator[dict[str, Any]]:
    """What the network gives for an image and, with ``mirror``, for its mirror images along the bundle's axes.

    Each is an item as the bundle's postprocessing takes it, ``image`` as preprocessed and the logits ``pred`` on the
    same grid, turned back. The caller keeps torch in its inference mode meanwhile.

    Raises:
        UserError: a voxel does not fit into float32.
    """
    import torch
    from monai.data import MetaTensor, decollate_batch, list_data_collate

    from medseg.inference.mirror import mirrored_outputs

    affine = _without_rounding(image.affine)
    with np.errstate(over="ignore"):
        voxels = image.data.astype(np.float32)
    if not np.isfinite(voxels).all():
        raise UserError("the image holds values beyond the range of float32: scale them down first")
    meta = {"original_channel_dim": 0, "original_affine": affine, "spatial_shape": image.spatial_shape}
    tensor = MetaTensor(torch.as_tensor(voxels), affine=torch.as_tensor(affine), meta=meta)
    batch = list_data_collate([bundle.preprocessing({"image": tensor})])
    inputs = batch["image"].to(bundle.device)
    axes = bundle.metadata.mirror_axes if mirror else ()
    for logits in mirrored_outputs(inputs, lambda flipped: bundle.inferer(flipped, bundle.network), axes):
        item: dict[str, Any] = decollate_batch({**batch, "pred": logits})[0]
        yield item


def _without_rounding(affine: np.ndarray) -> np.ndarray:
    """``affine`` with axes that are exactly perpendicular where they are so but for the rounding of the file.

    MONAI's Spacing puts its grid elsewhere, by up to half a voxel, if they are off by 1e-8: an oblique image would
    then be segmented otherwise from NIfTI, which stores float32, than from NRRD.
    """
    spacing = np.linalg.norm(affine[:-1, :-1], axis=0)
    directions = affine[:-1, :-1] / spacing
    left, _, right = np.linalg.svd(directions)
    if np.abs(left @ right - directions).max() > 1e-4:
        return affine
    exact = affine.copy()
    exact[:-1, :-1] = left @ right * spacing
    return exact
