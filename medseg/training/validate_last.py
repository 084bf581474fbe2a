from ignite.engine import Engine, Events
from monai.engines import Evaluator


class ValidateLast:
    """Validates after the last epoch of a training too, where that is not a multiple of the interval.

    Attach it to the trainer after the ``ValidationHandler`` that validates every ``interval`` epochs, and before what
    goes by the outcome.

    Args:
        validator: The engine that validates.
        interval: Epochs between two validations.
    """

    def __init__(self, validator: Evaluator, interval: int) -> None:
        self.validator = validator
        self.interval = interval

    def attach(self, engine: Engine) -> None:
        """Follow a trainer."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._validate)

    def _validate(self, engine: Engine) -> None:
        epoch = int(engine.state.epoch)
        if epoch == engine.state.max_epochs and epoch % self.interval:
            self.validator.run(epoch)
