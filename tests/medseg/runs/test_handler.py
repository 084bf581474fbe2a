import os
import signal
import subprocess

import pytest
import torch
from ignite.engine import Engine, Events

from medseg.runs import open_run
from medseg.runs.handler import RunLogHandler, loss_of
from medseg.runs.store import default_uri


def halving(engine: Engine, batch: float) -> dict[str, float]:
    return {"loss": 1.0 / engine.state.iteration}


def test_it_opens_a_run_and_ends_it(store, logged):
    trainer = Engine(halving)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.25)
    RunLogHandler(every=2, optimizer=optimizer).attach(trainer)
    trainer.add_event_handler(Events.STARTED, lambda: logged()[0].info.status == "RUNNING" or pytest.fail("not open"))

    trainer.run([0.0] * 4, max_epochs=2)

    (run,) = logged()
    assert run.info.status == "FINISHED"
    points = store.get_metric_history(run.info.run_id, "train_loss")
    assert [(point.step, point.value) for point in points] == [(2, 1 / 2), (4, 1 / 4), (6, 1 / 6), (8, 1 / 8)]
    assert run.data.metrics["learning_rate"] == 0.25
    assert run.data.params["max_epochs"] == "2"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_trainer_and_evaluator_share_one_handler_and_one_run(store, logged):
    handler = RunLogHandler(every=1)
    trainer = Engine(halving)
    evaluator = Engine(lambda engine, batch: {"loss": 99.0})
    handler.attach(evaluator)
    handler.attach(trainer)

    @evaluator.on(Events.EPOCH_STARTED)
    def measure() -> None:
        evaluator.state.metrics["val_dice"] = torch.tensor([0.5, float("nan"), 0.75])

    @trainer.on(Events.EPOCH_COMPLETED)
    def validate() -> None:  # as MONAI's Evaluator.run(global_epoch) sets the epoch
        evaluator.state.max_epochs, evaluator.state.epoch = trainer.state.epoch, trainer.state.epoch - 1
        evaluator.state.iteration = 0
        evaluator.run([0.0])

    trainer.run([0.0] * 3, max_epochs=2)

    (run,) = logged()
    assert run.info.status == "FINISHED"
    assert [point.step for point in store.get_metric_history(run.info.run_id, "val_dice_2")] == [1, 2]
    assert "val_dice_1" not in run.data.metrics
    assert run.data.metrics["val_dice_1_undefined"] == 2
    assert max(point.value for point in store.get_metric_history(run.info.run_id, "train_loss")) == 1.0


def test_it_logs_into_a_given_run_and_leaves_it_open(store, logged):
    with open_run("train", options={}, output_dir=None) as run:
        trainer = Engine(halving)
        RunLogHandler(run.run_id, default_uri(), tag_name="loss", every=1).attach(trainer)
        trainer.run([0.0] * 3)

        (found,) = logged()
        assert found.info.status == "RUNNING"
        assert found.data.metrics["loss"] == pytest.approx(1 / 3)
    assert logged()[0].info.status == "FINISHED"


@pytest.mark.parametrize("is_own", [True, False])
def test_an_exception_fails_the_run_and_goes_on(store, logged, is_own):
    def explode(engine: Engine, batch: float) -> None:
        raise FloatingPointError("jane_doe exploded")

    def train() -> None:
        if is_own:
            trainer = Engine(explode)
            RunLogHandler().attach(trainer)
            trainer.run([0.0])
        else:
            with open_run("train", options={}, output_dir=None) as run:
                trainer = Engine(explode)
                RunLogHandler(run.run_id).attach(trainer)
                trainer.run([0.0])

    with pytest.raises(FloatingPointError, match="jane_doe exploded"):
        train()

    (run,) = logged()
    assert run.info.status == "FAILED"
    assert run.data.tags["error"] == "FloatingPointError"


def test_sigterm_fails_its_own_run(store, logged):
    trainer = Engine(lambda engine, batch: os.kill(os.getpid(), signal.SIGTERM))
    RunLogHandler().attach(trainer)

    with pytest.raises(SystemExit, match="143"):
        trainer.run([0.0])

    assert logged()[0].info.status == "FAILED"
    assert logged()[0].data.tags["error"] == "SystemExit"


def test_a_run_whose_exception_another_handler_hid_fails_with_the_process(store, logged, start_script):
    script = """
from ignite.engine import Engine, Events
from medseg.runs.handler import RunLogHandler
def step(engine, batch):
    raise ValueError("broken")
def first(engine, error):  # as MONAI's StatsHandler does
    raise error
trainer = Engine(step)
trainer.add_event_handler(Events.EXCEPTION_RAISED, first)
RunLogHandler().attach(trainer)
trainer.run([0.0])
"""
    process: subprocess.Popen[str] = start_script(script)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 1, errors
    assert logged()[0].info.status == "FAILED"
    assert logged()[0].data.tags["failure"] == "the process ended before the training did"


def test_turned_off_it_does_nothing(store):
    trainer = Engine(halving)
    RunLogHandler(enabled=False).attach(trainer)
    trainer.run([0.0])

    assert store.get_experiment_by_name("medseg") is None


def test_one_handler_serves_one_training_after_another(store, logged):
    trainer = Engine(halving)
    RunLogHandler(every=1).attach(trainer)
    trainer.run([0.0])
    trainer.run([0.0])

    assert [run.info.status for run in logged()] == ["FINISHED"] * 2


@pytest.mark.parametrize(
    ("output", "loss"),
    [(0.5, 0.5), ({"loss": 0.5}, 0.5), ([{"loss": 0.5}, {"loss": 0.5}], 0.5), ([{"pred": 1}], None), ([], None)],
)
def test_the_loss_is_found_in_the_output(output, loss):
    assert loss_of(output) == loss


def test_every_must_be_positive():
    with pytest.raises(ValueError, match="`every` must be positive, got 0"):
        RunLogHandler(every=0)
