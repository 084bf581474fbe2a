from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigWorkflow


def test_a_network_with_deep_supervision_trains_for_an_epoch(
    untrained: Path, dataset: Path, tiny: dict[str, Any]
) -> None:
    configs = [str(untrained / "configs" / name) for name in ("train.yaml", "deep_supervision.yaml")]
    del tiny["network_def#channels"], tiny["network_def#strides"]
    options = {**tiny, "network_def#filters": [4, 4, 8, 8], "dataset_dir": str(dataset), "max_epochs": 1}
    workflow = ConfigWorkflow(configs, workflow_type="train", logging_file=False, bundle_root=str(untrained), **options)
    workflow.initialize()
    workflow.run()

    assert len(workflow.trainer.state.output["pred"]) == 2  # one level besides the last
    assert torch.isfinite(torch.as_tensor(workflow.trainer.state.output["loss"]))
    weights = torch.load(untrained / "models" / "model.pt", weights_only=True)
    assert any("heads" in name for name in weights)
