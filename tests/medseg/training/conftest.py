import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medseg.bundle import shipped_bundles
from medseg.io import Image, write_image, write_label
from medseg.training.case_facts import CaseFacts
from medseg.training.dataset import Case
from medseg.training.workflow import copy_untrained

PARTS = ("imagesTr", "labelsTr")
TINY = {
    "roi_size": [16, 16, 16],
    "network_def#channels": [4, 8],
    "network_def#strides": [2],
    "batch_size": 2,
    "num_workers": 0,
    "mlflow_enabled": False,
    "max_epochs": 2,
    "val_interval": 1,
}


@pytest.fixture
def tiny() -> dict[str, object]:
    """Overrides that make a training of the shipped U-Net take seconds."""
    return dict(TINY)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen made-up cases in the decathlon's layout: 10 train, 2 validate, 4 test."""
    from scipy.ndimage import gaussian_filter

    root = tmp_path_factory.mktemp("dataset")
    for part in ("imagesTr", "labelsTr"):
        (root / part).mkdir()
    for number in range(16):
        noise = gaussian_filter(np.random.default_rng(number).normal(size=(18, 20, 16)), 2).astype(np.float32)
        image = Image(noise[np.newaxis], np.diag([1.0, 1.0, 1.2, 1.0]), ".nii.gz")
        write_image(root / "imagesTr" / f"case_{number}.nii.gz", image)
        write_label(root / "labelsTr" / f"case_{number}.nii.gz", np.digitize(noise, [0.0, 0.1]), image)
    return root


@pytest.fixture
def untrained(tmp_path: Path) -> Path:
    """A copy of the shipped bundle as training begins with it."""
    target = tmp_path / "untrained"
    copy_untrained(shipped_bundles()["hippocampus_unet"], target)
    return target


@pytest.fixture
def case(dataset: Path, tmp_path: Path) -> Case:
    """A case of its own, to break."""
    image, label = (shutil.copy(dataset / part / "case_0.nii.gz", tmp_path / f"{part}.nii.gz") for part in PARTS)
    return Case("case_0", Path(image), Path(label), "train")


@pytest.fixture
def facts_of() -> Callable[..., CaseFacts]:
    """Makes the facts of a case from its shape, spacing and voxels of each class."""

    def make(
        shape: tuple[int, ...], spacing: tuple[float, ...] | None = None, voxels: dict[int, int] | None = None
    ) -> CaseFacts:
        steps = spacing or (1.0,) * len(shape)
        orientation = "RAS" if len(shape) == 3 else ""
        return CaseFacts(shape, steps, orientation, 1, "float32", voxels or {0: 9, 1: 1}, np.ones((1, 1), np.float32))

    return make
