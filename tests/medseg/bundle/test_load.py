from pathlib import Path

import pytest

from medseg.bundle import load_bundle
from medseg.bundle.load import choose_device
from medseg.errors import UserError
from medseg.io import sha256_of


def test_auto_takes_a_device_of_this_machine() -> None:
    import torch

    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "", "cpu:x"])
def test_absent_device_is_one_sentence(device: str) -> None:
    with pytest.raises(UserError, match=f"`{device}` is not a device of this machine"):
        choose_device(device)


def test_loaded_bundle_is_ready_for_inference(bundle: Path) -> None:
    from monai.transforms import LoadImaged, SaveImaged

    loaded = load_bundle(bundle, "cpu")
    assert loaded.name == "hippocampus_unet"
    assert loaded.weights_sha256 == sha256_of(bundle / "models" / "model.pt")
    assert not loaded.network.training
    chains = (*loaded.preprocessing.transforms, *loaded.to_probabilities.transforms, *loaded.to_label.transforms)
    assert not any(isinstance(transform, LoadImaged | SaveImaged) for transform in chains)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("_target_: UNet", "_target_: NoSuchNetwork"),
        ("spatial_dims: 3", "spatial_dims: $1 / 0"),
        ("network_def:", "other_network:"),
        ("preprocessing:", "preprocessing: ["),
    ],
    ids=["unknown class", "failing expression", "no network", "no YAML"],
)
def test_unusable_inference_config_is_one_sentence(bundle: Path, old: str, new: str) -> None:
    config = bundle / "configs" / "inference.yaml"
    config.write_text(config.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match="the inference config of bundle `hippocampus_unet` cannot be used: ") as caught:
        load_bundle(bundle, "cpu", trusted_by_user=True)
    assert "\n" not in str(caught.value)


def test_absent_inference_config_is_named(bundle: Path) -> None:
    (bundle / "configs" / "inference.yaml").unlink()
    with pytest.raises(UserError, match=r"has no configs/inference\.yaml or \.json"):
        load_bundle(bundle, "cpu", trusted_by_user=True)


def test_a_bundle_that_tracks_is_not_loaded_to_segment(tracker: Path) -> None:
    with pytest.raises(UserError, match="`particle_tracker` tracks particles and segments nothing: use medseg track"):
        load_bundle(tracker, "cpu")
