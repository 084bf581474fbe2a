from pathlib import Path
from typing import Any

import pytest
import torch

from medseg.errors import UserError
from medseg.training.workflow import run_training


@pytest.fixture
def start(untrained: Path, dataset: Path, tiny: dict[str, Any], tmp_path: Path) -> Path:
    """Weights of a short training; the folder it was done in is empty again."""
    run_training(untrained, {**tiny, "dataset_dir": str(dataset), "learning_rate": 0.02}, lambda *_: None)
    (untrained / "train" / "last.pt").unlink()
    return (untrained / "models" / "model.pt").rename(tmp_path / "start.pt")


def weights(path: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
    return state


def is_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_training_begins_with_the_weights_and_keeps_them_if_no_epoch_is_better(
    untrained: Path, dataset: Path, tiny: dict[str, Any], start: Path
) -> None:
    settings = {**tiny, "dataset_dir": str(dataset), "learning_rate": 1e-12}
    run_training(untrained, settings, lambda *_: None, start)

    state = torch.load(untrained / "train" / "last.pt", weights_only=True)
    assert state["best"]["epoch"] == 0
    for name, tensor in weights(start).items():
        torch.testing.assert_close(state["network"][name], tensor, atol=1e-9, rtol=1e-6)
    assert is_same(weights(untrained / "models" / "model.pt"), weights(start))

    # Better than any epoch to come: a resumed training must leave it.
    state["best"]["metric"] = 0.999
    torch.save(state, untrained / "train" / "last.pt")
    settings |= {"learning_rate": 0.02, "max_epochs": 3, "resume": True}
    assert run_training(untrained, settings, lambda *_: None, start) == {"dice": 0.999}
    assert is_same(weights(untrained / "models" / "model.pt"), weights(start))


def test_a_resumed_fine_tuning_equals_one_in_a_single_go(
    untrained: Path, dataset: Path, tiny: dict[str, Any], start: Path, tmp_path: Path
) -> None:
    settings = {**tiny, "dataset_dir": str(dataset), "max_epochs": 3}

    def train(stop: int = 0, **more: object) -> dict[str, Any]:
        def on_epoch(epoch: int, epochs: int, loss: float) -> None:
            if epoch == stop:
                raise KeyboardInterrupt

        run_training(untrained, {**settings, **more}, on_epoch, start)
        state: dict[str, Any] = torch.load(untrained / "train" / "last.pt", weights_only=True)
        return state

    whole = train()
    best = weights(untrained / "models" / "model.pt")
    with pytest.raises(KeyboardInterrupt):
        train(stop=1)
    resumed = train(resume=True)
    assert is_same(whole["network"], resumed["network"])
    assert whole["best"] == resumed["best"]
    assert is_same(best, weights(untrained / "models" / "model.pt"))


def test_weights_of_another_network_are_refused(
    untrained: Path, dataset: Path, tiny: dict[str, Any], start: Path
) -> None:
    settings = {**tiny, "dataset_dir": str(dataset), "network_def#channels": [4, 16]}
    with pytest.raises(UserError, match=r"start\.pt` does not hold the weights .* of another shape"):
        run_training(untrained, settings, lambda *_: None, start)
