from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine, Events

from medseg.errors import UserError
from medseg.training.stop_on_bad_loss import StopOnBadLoss
from medseg.training.workflow import run_training


def train(losses: list[float], length: int, network: torch.nn.Module) -> list[int]:
    """A training with these losses, a batch of two cases each; gives the epochs that came to their end."""
    finished: list[int] = []
    engine = Engine(lambda engine, batch: {"loss": losses[engine.state.iteration - 1]})
    StopOnBadLoss(network).attach(engine)
    engine.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: finished.append(engine.state.epoch))
    batches = [{"case": [f"a{number}", f"b{number}"]} for number in range(length)]
    engine.run(batches, max_epochs=len(losses) // length)
    return finished


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_the_first_bad_loss_ends_it_and_names_the_batch(bad: float) -> None:
    with pytest.raises(UserError, match=rf"loss became {bad} in epoch 2, iteration 1 of 2 \(cases a0, b0\)"):
        train([0.1, 0.2, bad, 0.1], 2, torch.nn.Linear(1, 1))


def test_finite_losses_pass() -> None:
    assert train([0.1, 1e30, 0.2, 0.1], 2, torch.nn.Linear(1, 1)) == [1, 2]


def test_weights_that_are_not_finite_end_it_before_they_are_saved() -> None:
    network = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(network.bias, float("nan"))
    with pytest.raises(UserError, match="weights of the network became infinite or NaN in epoch 1"):
        train([0.1, 0.1], 1, network)


def test_the_last_good_checkpoint_stays(untrained: Path, dataset: Path, tiny: dict[str, Any]) -> None:
    settings = {**tiny, "dataset_dir": str(dataset)}
    run_training(untrained, settings, lambda *_: None)
    kept = [untrained / "train" / "last.pt", untrained / "models" / "model.pt"]
    before = [path.read_bytes() for path in kept]
    broken = {**settings, "resume": True, "max_epochs": 4, "loss#smooth_nr": float("nan")}
    with pytest.raises(UserError, match=r"loss became nan in epoch 3, iteration 1 of 5 \(cases case_\d+, case_\d+\)"):
        run_training(untrained, broken, lambda *_: None)
    assert [path.read_bytes() for path in kept] == before
