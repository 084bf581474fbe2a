from ignite.engine import Engine, Events
from monai.engines import Evaluator

from medseg.errors import UserError


class EarlyStop:
    """Ends a training whose key metric has not risen for some validations.

    It goes by the best epoch that the evaluator knows, which `TrainingCheckpoint` saves and restores, so a training
    that is resumed stops where one in a single go does. Attach it to the trainer after the handler that validates and
    before `TrainingCheckpoint`. MONAI's `EarlyStopHandler` counts by itself, from zero after a resume.

    Args:
        evaluator: The engine that validates.
        patience: Validations without a better metric that end the training; 0 never does.
        interval: Epochs between two validations.
    """

    def __init__(self, evaluator: Evaluator, patience: int, interval: int = 1) -> None:
        if patience < 0 or interval < 1:
            raise ValueError(f"`patience` must not be negative and `interval` be positive, got {patience}, {interval}")
        self.evaluator = evaluator
        self.patience = patience
        self.interval = interval

    def attach(self, engine: Engine) -> None:
        """Follow a trainer."""
        if self.patience > 0:
            engine.add_event_handler(Events.STARTED, self._refuse_to_go_on)
            engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self._stop)

    def _has_waited(self, engine: Engine) -> bool:
        best = max(int(self.evaluator.state.best_metric_epoch), 0)
        return int(engine.state.epoch) - best >= self.patience * self.interval

    def _stop(self, engine: Engine) -> None:
        if self._has_waited(engine):
            engine.terminate()

    def _refuse_to_go_on(self, engine: Engine) -> None:
        if engine.state.epoch > 0 and self._has_waited(engine):
            raise UserError(
                f"the training stopped early after epoch {engine.state.epoch}, as its metric had not risen for "
                f"{self.patience} validations: raise early_stop_patience, or set it to 0"
            )
