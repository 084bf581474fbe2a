from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from medseg.bundle import shipped_bundles
from medseg.bundle.trust import is_trusted
from medseg.errors import UserError
from medseg.training.evaluation import run_evaluation
from medseg.training.workflow import copy_untrained, run_training
from tracking.dpht.weights import load_weights

TINY = {
    "hidden": 8,
    "max_iterations": 6,
    "iterations_per_epoch": 2,
    "val_interval": 1,
    "val_lessons": 1,
    "n_movies": 1,
    "n_frames": 5,
    "n_particles": 8,
    "mlflow_enabled": False,
}


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """Training takes one thread; the tests after it get theirs back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., Path]:
    """Train a small tracker in a folder of that name and return it; stops after an epoch if asked to."""

    def run(name: str, stop: int = 0, **more: object) -> Path:
        def on_epoch(epoch: int, epochs: int, loss: float) -> None:
            if epoch == stop:
                raise KeyboardInterrupt

        folder = tmp_path / name
        if not folder.is_dir():
            copy_untrained(shipped_bundles()["particle_tracker"], folder)
        run_training(folder, {**TINY, **more}, on_epoch)
        return folder

    return run


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_weights(folder / "models" / "model.pt").state_dict()


def state(folder: Path) -> dict[str, Any]:
    return torch.load(folder / "train" / "last.pt", weights_only=True)


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_same_seed_gives_the_same_weights_with_any_number_of_workers(train: Callable[..., Path]) -> None:
    first, second, other = train("first"), train("second", num_workers=0), train("other", seed=1)
    assert equal(weights(first), weights(second))
    assert not equal(weights(first), weights(other))
    assert state(first)["trainer"]["iteration"] == 6
    assert state(first)["lr_scheduler"]["last_epoch"] == 6
    assert is_trusted(first)


def test_a_training_that_is_resumed_is_as_one_in_a_single_go(train: Callable[..., Path]) -> None:
    whole = train("whole")
    with pytest.raises(KeyboardInterrupt):
        train("killed", stop=2)
    assert state(whole.with_name("killed"))["trainer"]["iteration"] == 4
    resumed = train("killed", resume=True)
    assert equal(weights(whole), weights(resumed))
    assert equal(state(whole)["network"], state(resumed)["network"])
    assert state(whole)["best"] == state(resumed)["best"]
    moments = [state(folder)["optimizer"]["state"][0]["exp_avg"] for folder in (whole, resumed)]
    assert torch.equal(*moments)
    with pytest.raises(
        UserError, match=r"3 epochs are done already, and the training is to have 3: to go on, .* --set max_epochs=N"
    ):
        train("killed", resume=True)


def test_a_longer_training_follows_the_longer_schedule(train: Callable[..., Path]) -> None:
    folder = train("tracker", warmup_iterations=1)
    short = state(folder)["optimizer"]["param_groups"][0]["lr"]
    assert short == pytest.approx(0.005 * 0.004)  # at its end
    with pytest.raises(KeyboardInterrupt):
        train("tracker", stop=4, warmup_iterations=1, max_iterations=60, resume=True)
    assert state(folder)["optimizer"]["param_groups"][0]["lr"] > 100 * short  # far from it


def test_a_bundle_is_evaluated_on_lessons_of_its_own(train: Callable[..., Path]) -> None:
    folder = train("tracker", max_iterations=2)
    config = folder / "configs" / "evaluate.yaml"
    for old, new in (
        ("n_lessons: 30", "n_lessons: 2"),
        ("n_movies: 8", "n_movies: 1"),
        ("n_frames: 24", "n_frames: 5"),
    ):
        assert old in config.read_text()
        config.write_text(config.read_text().replace(old, new))
    seen: list[tuple[int, int]] = []
    scores = run_evaluation(folder, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]
    assert scores.keys() == {"link_log_likelihood", "future", "expected", "real", "right", "link_calibration_error"}
    assert scores == run_evaluation(folder, lambda done, total: None)
    (folder / "models" / "model.pt").write_bytes(b"none")
    with pytest.raises(UserError, match=r"`tracker` cannot be evaluated: `model\.pt` is damaged or holds no weights"):
        run_evaluation(folder, lambda done, total: None)
    config.unlink()
    with pytest.raises(UserError, match=r"`tracker` has no configs/evaluate\.yaml"):
        run_evaluation(folder, lambda done, total: None)
