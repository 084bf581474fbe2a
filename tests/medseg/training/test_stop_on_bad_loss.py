from pathlib import Path
from typing import Any

import ignite.distributed
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


def test_what_is_kept_is_told_and_no_more() -> None:
    with pytest.raises(UserError, match="the last checkpoint is kept"):
        train([0.1, float("nan")], 1, torch.nn.Linear(1, 1))
    with pytest.raises(UserError, match="no epoch is done, so there is no checkpoint"):
        train([float("nan")], 1, torch.nn.Linear(1, 1))


def test_finite_losses_pass() -> None:
    assert train([0.1, 1e30, 0.2, 0.1], 2, torch.nn.Linear(1, 1)) == [1, 2]


def test_weights_that_are_not_finite_end_it_before_they_are_saved() -> None:
    network = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(network.bias, float("nan"))
    with pytest.raises(UserError, match="weights of the network became infinite or NaN in epoch 1"):
        train([0.1, 0.1], 1, network)


def train_as_one_of_two(rank: int, folder: str) -> None:
    try:
        train([0.1, float("nan") if rank == 0 else 0.2, 0.1, 0.1], 2, torch.nn.Linear(1, 1))
    except UserError as error:
        (Path(folder) / str(rank)).write_text(str(error))


@pytest.mark.slow
def test_all_processes_of_a_distributed_training_end(tmp_path: Path) -> None:
    ignite.distributed.spawn("gloo", train_as_one_of_two, (str(tmp_path),), nproc_per_node=2)
    told = [(tmp_path / str(rank)).read_text() for rank in range(2)]
    assert told[0].startswith("the loss became nan in epoch 1, iteration 2 of 2 (cases a1, b1)")
    assert told[1].startswith(
        "in another process the loss became infinite or NaN in epoch 1, iteration 2 of 2: look at"
    )


def test_the_last_good_checkpoint_stays(untrained: Path, dataset: Path, tiny: dict[str, Any]) -> None:
    settings = {**tiny, "dataset_dir": str(dataset)}
    run_training(untrained, settings, lambda *_: None)
    kept = [untrained / "train" / "last.pt", untrained / "models" / "model.pt"]
    before = [path.read_bytes() for path in kept]
    broken = {**settings, "resume": True, "max_epochs": 4, "loss#smooth_nr": float("nan")}
    with pytest.raises(UserError, match=r"loss became nan in epoch 3, iteration 1 of 5 \(cases case_\d+, case_\d+\)"):
        run_training(untrained, broken, lambda *_: None)
    assert [path.read_bytes() for path in kept] == before
