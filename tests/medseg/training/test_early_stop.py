from pathlib import Path
from typing import Any

import pytest
import torch

from medseg.errors import UserError
from medseg.training.early_stop import EarlyStop
from medseg.training.progress import is_complete
from medseg.training.workflow import run_training


def test_a_training_that_is_resumed_stops_where_one_in_a_single_go_does(
    untrained: Path, dataset: Path, tiny: dict[str, Any]
) -> None:
    """With a learning rate of next to nothing the first validation stays the best."""
    seen: list[int] = []
    settings = {**tiny, "dataset_dir": str(dataset), "learning_rate": 1e-12, "early_stop_patience": 2}

    def train(stop: int = 0, **more: object) -> None:
        def on_epoch(epoch: int, epochs: int, loss: float) -> None:
            seen.append(epoch)
            if epoch == stop:
                raise KeyboardInterrupt

        run_training(untrained, {**settings, "max_epochs": 9, **more}, on_epoch)

    with pytest.raises(KeyboardInterrupt):
        train(stop=2)
    assert not is_complete(untrained)
    train(resume=True)
    assert seen == [1, 2, 3]
    assert is_complete(untrained)
    assert torch.load(untrained / "train" / "last.pt", weights_only=True)["best"]["epoch"] == 1

    with pytest.raises(UserError, match="stopped early after epoch 3, as its metric had not risen for 2 validations"):
        train(resume=True)
    train(resume=True, early_stop_patience=3)
    assert seen == [1, 2, 3, 4]


def test_wrong_patience_is_refused() -> None:
    with pytest.raises(ValueError, match="got -1, 1"):
        EarlyStop(None, -1)
