import numpy as np

from medseg.bundle.expect import require_fitting_image
from medseg.bundle.load import LoadedBundle
from medseg.errors import UserError, first_line
from medseg.io import Image


def segment(bundle: LoadedBundle, image: Image) -> np.ndarray:
    """The label map of ``image``, unsigned 8-bit integers of shape ``image.spatial_shape``, voxel for voxel.

    Raises:
        UserError: the image does not fit the network, or the bundle does not come back to the image's own grid.
    """
    require_fitting_image(image, bundle.metadata)

    import torch
    from monai.data import MetaTensor, decollate_batch, list_data_collate

    affine = _without_rounding(image.affine)
    with np.errstate(over="ignore"):
        voxels = image.data.astype(np.float32)
    if not np.isfinite(voxels).all():
        raise UserError("the image holds values beyond the range of float32: scale them down first")
    meta = {"original_channel_dim": 0, "original_affine": affine, "spatial_shape": image.spatial_shape}
    tensor = MetaTensor(torch.as_tensor(voxels), affine=torch.as_tensor(affine), meta=meta)
    try:
        with torch.inference_mode():
            batch = list_data_collate([bundle.preprocessing({"image": tensor})])
            batch["pred"] = bundle.inferer(batch["image"].to(bundle.device), bundle.network)
            pred = bundle.postprocessing(decollate_batch(batch)[0])["pred"]
    except (RuntimeError, ValueError, MemoryError) as error:
        raise UserError(f"bundle `{bundle.name}` failed on it: {first_line(error)}") from error
    label = np.asarray(pred.cpu())
    if label.shape != (1, *image.spatial_shape):
        raise UserError(
            f"bundle `{bundle.name}` gave a label of shape {label.shape[1:]} for an image of shape "
            f"{image.spatial_shape}: its postprocessing needs Invertd and an argmax"
        )
    return np.asarray(label[0], dtype=np.uint8)


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
