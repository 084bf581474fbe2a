from pathlib import Path

import pytest
import torch
from ignite.metrics import Average
from monai.engines import SupervisedEvaluator

from tracking.dpht.best_weights import BestWeights
from tracking.dpht.network import TrackNetwork
from tracking.dpht.weights import load_weights


@pytest.fixture
def network() -> TrackNetwork:
    return TrackNetwork(hidden=8)


def evaluator(network: TrackNetwork, path: Path, values: list[float]) -> SupervisedEvaluator:
    """An evaluator whose key metric is the mean of ``values``, which may be changed."""
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=values,
        network=network,
        iteration_update=lambda engine, batch: batch,
        key_val_metric={"value": Average()},
        val_handlers=[BestWeights(network, str(path))],
        decollate=False,
    )


def mark(network: TrackNetwork, value: float) -> None:
    with torch.no_grad():
        network.is_real[2].bias.fill_(value)


def test_the_weights_of_the_best_epoch_are_kept(network: TrackNetwork, tmp_path: Path) -> None:
    path, values = tmp_path / "models" / "model.pt", [0.0]
    validation = evaluator(network, path, values)
    for epoch, value in enumerate([-3.0, -1.0, -2.0], start=1):
        mark(network, epoch)
        values[0] = value
        validation.run(epoch)
    assert float(load_weights(path).is_real[2].bias) == 2
    assert [one.name for one in path.parent.iterdir()] == ["model.pt"]


def test_weights_better_than_those_to_come_are_left_alone(network: TrackNetwork, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    validation = evaluator(network, path, [-2.0])
    # As a training that is resumed leaves it.
    validation.state.best_metric, validation.state.best_metric_epoch = -1.0, 4
    validation.run(5)
    assert not path.exists()
