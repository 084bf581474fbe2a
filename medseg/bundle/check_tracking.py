from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from medseg.bundle.finding import Finding, tried
from medseg.bundle.load import inference_config
from medseg.bundle.properties import require_properties
from medseg.errors import UserError

_NOT_APPLICABLE = (
    "metadata.json: data_type, image_classes, label_classes and pred_classes, as there are no images and no labels",
    "metadata.json: an input `image` and an output `pred` of a fixed shape, as the network takes spots and gives links",
    "inference.yaml: preprocessing that is inverted, and a sliding window; no image is segmented",
    "train.yaml: dataset_dir, as every lesson is simulated",
    "train.yaml: train_inferer, as the step of training runs the network itself",
    "MONAI Label, which serves segmentation",
)
_NOT_IN_TRAINING = ("dataset_dir", "train_inferer")


def not_applicable() -> list[Finding]:
    """What is asked of bundles that segment and makes no sense for one that tracks particles."""
    return [Finding("not applicable", message) for message in _NOT_APPLICABLE]


def check_tracking(bundle: Path, scratch: Path) -> list[Finding]:
    """What keeps a bundle from linking spots and from being trained, tried on made-up spots in folder ``scratch``."""
    np.savetxt(scratch / "movie.csv", _made_up_spots(), delimiter=",", header="frame,x,y", comments="")
    checks = (_check_linking, _check_inference_properties, _check_evaluate_properties, _check_train_properties)
    return [finding for check in checks for finding in tried(partial(check, bundle, scratch))]


def _check_linking(bundle: Path, data: Path) -> None:
    import torch
    from monai.bundle import ConfigParser

    parser = ConfigParser()
    parser.read_config(str(inference_config(bundle)))
    parser.update({"bundle_root": str(bundle), "device": torch.device("cpu")})
    network = parser.get_parsed_content("network_def")
    spots = _made_up_spots()
    links: Any = parser.get_parsed_content("inferer")(torch.from_numpy(spots), network)
    if tuple(getattr(links, "shape", ())) != (len(spots), 4):
        raise UserError("the inferer of inference.yaml must give a row of four numbers for every spot")
    source = links[:, 0].long().numpy()
    linked = np.flatnonzero(source >= 0)
    if (spots[source[linked], 0] >= spots[linked, 0]).any() or len(np.unique(source[linked])) < len(linked):
        raise UserError("the inferer of inference.yaml must link a spot to one earlier spot at most, and none twice")
    rest = links[:, 1:].numpy()
    if not ((rest[~np.isnan(rest)] >= 0) & (rest[~np.isnan(rest)] <= 1)).all():
        raise UserError("the inferer of inference.yaml must give probabilities beside the links")


def _check_inference_properties(bundle: Path, data: Path) -> None:
    require_properties([inference_config(bundle)], "infer", bundle, data)


def _check_evaluate_properties(bundle: Path, data: Path) -> None:
    config = inference_config(bundle)
    if (evaluate := config.with_stem("evaluate")).is_file():
        require_properties([config, evaluate], "infer", bundle, data)


def _check_train_properties(bundle: Path, data: Path) -> None:
    config = inference_config(bundle).with_stem("train")
    if config.is_file():
        require_properties([config], "train", bundle, data, _NOT_IN_TRAINING)


def _made_up_spots() -> np.ndarray:
    """Four particles that diffuse far from each other for ten frames: rows of frame, x and y."""
    places = np.array([[10.0, 10.0], [10.0, 50.0], [50.0, 10.0], [50.0, 50.0]])
    steps = np.random.default_rng(0).normal(size=(10, *places.shape))
    positions = (places + steps.cumsum(axis=0)).reshape(-1, 2)
    return np.column_stack([np.repeat(np.arange(10.0), len(places)), positions])
