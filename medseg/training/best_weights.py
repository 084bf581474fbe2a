from pathlib import Path

import torch
from ignite.engine import Engine, Events

from medseg.io.atomic import atomic_path


class BestWeights:
    """Handler of the evaluator: saves the network whenever its key metric is better than in any epoch before.

    Which epoch was the best is the evaluator's to know, so a training that is resumed leaves better weights alone. The
    file is moved into place whole; MONAI's `CheckpointSaver` deletes the former one before it writes, and a training
    killed in between could not go on.

    Args:
        network: Its state dict is what is saved.
        path: The file of weights.
    """

    def __init__(self, network: torch.nn.Module, path: str) -> None:
        self.network = network
        self.path = Path(path)

    def attach(self, engine: Engine) -> None:
        """Follow the evaluator."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._save)

    def _save(self, engine: Engine) -> None:
        if engine.state.best_metric_epoch != engine.state.epoch:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Into an open file, because torch writes the name of one that it opens into it: same weights, same bytes.
        with atomic_path(self.path) as partial, partial.open("wb") as file:
            torch.save(self.network.state_dict(), file)
