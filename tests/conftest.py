import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

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
