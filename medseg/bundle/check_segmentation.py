from functools import partial
from pathlib import Path

import numpy as np

from medseg.bundle.finding import Finding, tried
from medseg.bundle.load import inference_config, load_bundle
from medseg.bundle.metadata import BundleMetadata
from medseg.bundle.properties import require_properties
from medseg.io import Image, write_image, write_label


def check_segmentation(bundle: Path, metadata: BundleMetadata, scratch: Path) -> list[Finding]:
    """What keeps a bundle from segmenting and from being trained, tried on made-up images in folder ``scratch``."""
    data = _made_up_data(scratch, metadata)
    checks = (_check_segmenting, _check_inference_properties, _check_train_properties, _check_network)
    return [finding for check in checks for finding in tried(partial(check, bundle, data))]


def _check_segmenting(bundle: Path, data: Path) -> None:
    from medseg.bundle.segment import segment
    from medseg.io import find_images, read_image

    segment(load_bundle(bundle, "cpu", trusted_by_user=True), read_image(find_images([data / "imagesTr"])[0]))


def _check_inference_properties(bundle: Path, data: Path) -> None:
    require_properties([inference_config(bundle)], "infer", bundle, data / "imagesTr")


def _check_train_properties(bundle: Path, data: Path) -> None:
    config = inference_config(bundle).with_stem("train")
    if config.is_file():
        require_properties([config], "train", bundle, data)


def _check_network(bundle: Path, data: Path) -> None:
    from monai.bundle import verify_net_in_out

    verify_net_in_out(
        net_id="network_def",
        meta_file=str(bundle / "configs" / "metadata.json"),
        config_file=str(inference_config(bundle)),
        device="cpu",
    )


def _made_up_data(folder: Path, metadata: BundleMetadata) -> Path:
    """Eight cases of noise in the decathlon's layout, of the shape the network expects."""
    random = np.random.default_rng(0)
    shape = tuple(size if isinstance(size, int) else 64 for size in metadata.image.spatial_shape)
    suffix = ".nii.gz" if len(shape) == 3 else ".tif"
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir()
    for number in range(8):
        noise = random.normal(size=(metadata.image.num_channels, *shape)).astype(np.float32)
        image = Image(data=noise, affine=np.eye(len(shape) + 1), suffix=suffix)
        write_image(folder / "imagesTr" / f"case_{number}{suffix}", image)
        label = random.integers(0, len(metadata.classes) + 1, size=shape)
        write_label(folder / "labelsTr" / f"case_{number}{suffix}", label, image)
    return folder
