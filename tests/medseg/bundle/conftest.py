import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medseg.bundle import LoadedBundle, load_bundle, shipped_bundles
from medseg.io import Image, write_image, write_label


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seeded random weights of the shipped U-Net, which give every class somewhere."""
    import torch
    from monai.bundle import ConfigParser

    parser = ConfigParser()
    parser.read_config(str(shipped_bundles()["hippocampus_unet"] / "configs" / "inference.yaml"))
    torch.manual_seed(0)
    network = parser.get_parsed_content("network_def")
    path = tmp_path_factory.mktemp("weights") / "model.pt"
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture
def bundle(random_weights: Path, tmp_path: Path) -> Path:
    """A copy of the shipped bundle with random weights, to use and to break."""
    return copy_bundle(tmp_path / "hippocampus_unet", random_weights)


@pytest.fixture(scope="session")
def loaded(random_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> LoadedBundle:
    """The shipped bundle with random weights, on the CPU."""
    return load_bundle(copy_bundle(tmp_path_factory.mktemp("bundles") / "hippocampus_unet", random_weights), "cpu")


def copy_bundle(target: Path, weights: Path) -> Path:
    shutil.copytree(
        shipped_bundles()["hippocampus_unet"], target, ignore=shutil.ignore_patterns("models", "train", "eval", "*.pt")
    )
    (target / "models").mkdir()
    shutil.copy(weights, target / "models" / "model.pt")
    return target


@pytest.fixture
def tracker(tmp_path: Path) -> Path:
    """A copy of the shipped particle tracker with untrained weights of a small network, to use and to break."""
    import torch

    from tracking.dpht.network import TrackNetwork
    from tracking.dpht.weights import save_weights

    target = tmp_path / "particle_tracker"
    shutil.copytree(shipped_bundles()["particle_tracker"], target, ignore=shutil.ignore_patterns("*.pt"))
    (target / "models").mkdir(exist_ok=True)
    torch.manual_seed(0)
    save_weights(target / "models" / "model.pt", TrackNetwork(hidden=8))
    return target


@pytest.fixture
def volume() -> Callable[..., Image]:
    """Smooth noise with an affine; the same seed gives the same voxels."""

    def make(shape: tuple[int, ...] = (30, 41, 33), affine: np.ndarray | None = None, seed: int = 0) -> Image:
        from scipy.ndimage import gaussian_filter

        noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2) * 400 + 100
        return Image(noise.astype(np.float32)[np.newaxis], np.eye(4) if affine is None else affine, ".nii.gz")

    return make


@pytest.fixture
def dataset(tmp_path: Path, volume: Callable[..., Image]) -> Path:
    """Twelve made-up cases in the decathlon's layout, three of them of the test split."""
    root = tmp_path / "data"
    for part in ("imagesTr", "labelsTr"):
        (root / part).mkdir(parents=True)
    for number in range(12):
        image = volume((20, 22, 18), np.diag([1.0, 1.0, 1.5, 1.0]), seed=number)
        label = np.digitize(image.data[0], [100, 150])
        write_image(root / "imagesTr" / f"case_{number}.nii.gz", image)
        write_label(root / "labelsTr" / f"case_{number}.nii.gz", label, image)
    return root
