import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def _own_user_data(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the user's MLflow store or reads a setting of the user's."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("user-data")))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="session")
def hippocampus_data() -> Path:
    """The 200 cases of the Medical Segmentation Decathlon's Task04, in its own layout."""
    return _shared("msd_task04_hippocampus")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data that lies beside the checkout."""
    return _shared("")


def _shared(name: str) -> Path:
    folder = SHARED_DATA / name
    if not folder.is_dir():
        pytest.skip(f"needs real data at ../shared/data/{name}, which is absent")
    return folder


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, to copy: making one takes seconds."""
    from medseg.runs.store import prepare_store

    database = tmp_path_factory.mktemp("template") / "mlflow.db"
    prepare_store(f"sqlite:///{database}")
    return database


@pytest.fixture
def store(empty_store: Path) -> "MlflowClient":
    """Client of the user's default store, which is ready for use and holds nothing."""
    from mlflow.tracking import MlflowClient

    from medseg.runs.store import data_folder, default_uri

    data_folder().mkdir(parents=True)
    for file in empty_store.parent.glob("mlflow.db*"):
        shutil.copy(file, data_folder())
    return MlflowClient(default_uri())


@pytest.fixture
def logged(store: "MlflowClient") -> Callable[[], list]:
    """All runs of the store's experiment, oldest first."""

    def runs() -> list:
        experiment = store.get_experiment_by_name("medseg")
        return store.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])

    return runs


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifteen pictures of bright discs, every third one dark on bright in colour, and a table of their kind."""
    from medseg.io import Image, write_image, write_label

    root = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    rows, columns = np.indices((64, 72))
    kinds = {}
    for part in ("images", "labels"):
        (root / part).mkdir()
    for number in range(15):
        label = np.zeros(rows.shape, np.uint16)
        for index in range(1, 6):
            row, column, radius = random.integers(6, 58), random.integers(6, 66), random.integers(4, 7)
            label[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2] = index
        gray = (40 + 150 * (label > 0) + random.normal(0, 8, label.shape)).clip(0, 255).astype(np.uint8)
        is_stained = number % 3 == 0
        voxels = np.stack([255 - gray, 230 - gray // 2, 255 - gray // 3]) if is_stained else gray[None]
        image = Image(voxels, np.eye(3), ".png")
        write_image(root / "images" / f"p{number:02}.png", image)
        write_label(root / "labels" / f"p{number:02}.png", label, image)
        kinds[f"p{number:02}"] = "stained" if is_stained else "fluorescence"
    with (root / "kinds.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "kind"), *kinds.items()])
    return root
