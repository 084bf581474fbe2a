import atexit
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from medseg.runs.lifecycle import open_run
from medseg.runs.mlflow_run import MlflowRun
from medseg.runs.run import Run
from medseg.runs.store import tracking_uri as default_tracking_uri

if TYPE_CHECKING:
    from ignite.engine import Engine


def loss_of(output: Any) -> Any:
    """The loss in what an engine's iteration gave: itself, its key ``loss``, or that of a batch's first item."""
    if isinstance(output, list | tuple):
        output = output[0] if output else None
    return output.get("loss") if isinstance(output, Mapping) else output


def same_epoch(epoch: int) -> int:
    """The epoch as the engine counts it."""
    return epoch


class RunLogHandler:
    """Ignite handler that logs loss, learning rate and epoch metrics; the handler of our bundles' train configs.

    With a `run_id` it logs into that run and leaves its end to who opened it. Without, as under
    ``python -m monai.bundle run``, it opens a run when an engine starts and ends it with that engine: FINISHED on
    completion, FAILED on any exception (which goes on) or SIGTERM, or when the process ends before. MONAI's
    `StatsHandler` hides exceptions from the handlers after it, so put this one before it to have them named.

    One handler may be attached to trainer and evaluator (in a bundle config, define it once and refer to it by ``@``):
    the engine that starts first owns the run, and its iterations are logged; of both, epoch metrics are. Two handlers
    share a run only by `run_id`. Of several processes of a distributed training, the first alone logs.

    Args:
        run_id: Run to log into; None opens one.
        tracking_uri: Store of `run_id`; None takes the one medseg logs to.
        tag_name: Name of the loss in MLflow.
        every: Iterations between two values of loss and learning rate; they are logged at the end of an epoch, too.
        output_transform: From the engine's output to the loss; None is not logged.
        global_epoch_transform: From an engine's epoch to the step of its metrics. An evaluator that MONAI's
            `ValidationHandler` runs has the trainer's epoch already.
        optimizer: Its learning rate is logged, one a parameter group.
        enabled: False does nothing at all.
    """

    def __init__(
        self,
        run_id: str | None = None,
        tracking_uri: str | None = None,
        tag_name: str = "train_loss",
        every: int = 50,
        output_transform: Callable[[Any], Any] = loss_of,
        global_epoch_transform: Callable[[Any], int] = same_epoch,
        optimizer: Any = None,
        enabled: bool = True,
    ) -> None:
        if every < 1:
            raise ValueError(f"`every` must be positive, got {every}")
        self.run_id = run_id
        self.tracking_uri = tracking_uri
        self.tag_name = tag_name
        self.every = every
        self.output_transform = output_transform
        self.global_epoch_transform = global_epoch_transform
        self.optimizer = optimizer
        self.enabled = enabled
        self._log: Run | MlflowRun | None = None
        self._own_run = ExitStack()
        self._owner: Any = None
        self._pid = 0

    def attach(self, engine: "Engine") -> None:
        """Follow an engine, trainer or evaluator."""
        import ignite.distributed
        from ignite.engine import Events

        if not self.enabled or ignite.distributed.get_rank() != 0:
            return
        engine.add_event_handler(Events.STARTED, self._started)
        engine.add_event_handler(Events.ITERATION_COMPLETED(every=self.every), self._iteration_completed)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._epoch_completed)
        engine.add_event_handler(Events.COMPLETED, self._completed)
        engine.add_event_handler(Events.EXCEPTION_RAISED, self._exception_raised)

    def _started(self, engine: "Engine") -> None:
        if self._owner is not None:
            return
        if self.run_id is None:
            length = {"max_epochs": engine.state.max_epochs, "epoch_length": engine.state.epoch_length}
            self._log = self._own_run.enter_context(open_run("bundle run", options=length, output_dir=None))
            self._pid = os.getpid()
            atexit.register(self._process_ends)
        else:
            self._log = MlflowRun.join(self.tracking_uri or default_tracking_uri(), self.run_id)
        self._owner = engine

    def _iteration_completed(self, engine: "Engine") -> None:
        if self._log is None or engine is not self._owner:
            return
        loss = self.output_transform(engine.state.output)
        values = {} if loss is None else {self.tag_name: loss}
        self._log.log_metrics(values | self._learning_rates(), engine.state.iteration)

    def _epoch_completed(self, engine: "Engine") -> None:
        if self._log is None:
            return
        if engine.state.iteration % self.every:
            self._iteration_completed(engine)
        self._log.log_metrics(engine.state.metrics, self.global_epoch_transform(engine.state.epoch))
        self._log.flush()

    def _exception_raised(self, engine: "Engine", error: BaseException) -> None:
        # Ignite swallows the exception unless the handler raises it, and comes here again for the loop around.
        if engine is self._owner:
            with self._own_run:
                self._detach()
                raise error
        raise error

    def _completed(self, engine: "Engine") -> None:
        if engine is self._owner:
            self._detach()
            self._own_run.close()

    def _process_ends(self) -> None:
        if os.getpid() == self._pid and isinstance(self._log, Run):
            self._log.fail("the process ended before the training did")
            self._detach()
            self._own_run.close()

    def _detach(self) -> None:
        if self._log is not None:
            self._log.flush()
        self._log = self._owner = None
        atexit.unregister(self._process_ends)

    def _learning_rates(self) -> dict[str, object]:
        groups = self.optimizer.param_groups if self.optimizer is not None else []
        if len(groups) == 1:
            return {"learning_rate": groups[0]["lr"]}
        return {f"learning_rate_{index}": group["lr"] for index, group in enumerate(groups)}
