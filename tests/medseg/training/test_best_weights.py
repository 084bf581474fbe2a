from pathlib import Path

import torch
from ignite.engine import Engine

from medseg.training.best_weights import BestWeights


def test_only_weights_that_are_better_are_saved_and_they_load_as_they_are(tmp_path: Path) -> None:
    network = torch.nn.Linear(1, 1)
    engine = Engine(lambda engine, batch: None)
    engine.state.best_metric_epoch = -1
    BestWeights(network, str(tmp_path / "models" / "model.pt")).attach(engine)
    engine.run([0], max_epochs=1)
    assert not (tmp_path / "models").exists()

    engine.state.best_metric_epoch = 1
    engine.state.max_epochs = None
    engine.run([0], max_epochs=1)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["model.pt"]
    saved = torch.load(tmp_path / "models" / "model.pt", weights_only=True)
    assert torch.equal(saved["weight"], network.weight)

    before = (tmp_path / "models" / "model.pt").read_bytes()
    engine.state.max_epochs = None
    engine.run([0], max_epochs=1)
    assert (tmp_path / "models" / "model.pt").read_bytes() == before
