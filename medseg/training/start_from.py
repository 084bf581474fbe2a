from pathlib import Path
from typing import TYPE_CHECKING

from medseg.bundle.weights import load_weights

if TYPE_CHECKING:
    from ignite.engine import Engine
    from monai.engines import Evaluator
    from torch import nn


def start_from(weights: Path, network: "nn.Module", trainer: "Engine", evaluator: "Evaluator") -> None:
    """Let a training begin with the weights in a file, which are validated first of all, as of epoch 0.

    So they are the first candidate for the best weights, and stay them unless an epoch betters them.

    Raises:
        UserError: the file is damaged, or holds the weights of another network.
    """
    from ignite.engine import Events

    load_weights(weights, network)
    trainer.add_event_handler(Events.STARTED, lambda: evaluator.run(0))
