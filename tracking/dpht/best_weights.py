from pathlib import Path
from typing import TYPE_CHECKING

from tracking.atomic import atomic_path
from tracking.dpht.network import TrackNetwork
from tracking.dpht.weights import save_weights

if TYPE_CHECKING:
    from monai.engines import Evaluator


class BestWeights:
    """Handler of the evaluator: saves the network whenever its key metric is better than in any epoch before.

    Which epoch was the best is the evaluator's to know, so a training that is resumed leaves better weights alone.

    Args:
        network: To be saved.
        path: Where to, as `save_weights` writes it.
    """

    def __init__(self, network: TrackNetwork, path: str) -> None:
        self.network, self.path = network, Path(path)

    def attach(self, engine: "Evaluator") -> None:
        """Follow the evaluator."""
        from ignite.engine import Events

        engine.add_event_handler(Events.EPOCH_COMPLETED, self._save)

    def _save(self, engine: "Evaluator") -> None:
        if engine.state.best_metric_epoch != engine.state.epoch:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.path) as partial:
            save_weights(partial, self.network)
