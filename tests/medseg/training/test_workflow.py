import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from medseg.bundle import read_metadata, shipped_bundles
from medseg.bundle.trust import is_trusted
from medseg.errors import UserError
from medseg.training.workflow import copy_untrained, parse_overrides, run_training

SHIPPED = shipped_bundles()["hippocampus_unet"]


def test_overrides_are_yaml_and_may_reach_in() -> None:
    pairs = ["max_epochs=20", "roi_size=[16, 16, 16]", "network_def#norm=batch", "train#dataloader#shuffle=false"]
    assert parse_overrides(pairs, SHIPPED) == {
        "max_epochs": 20,
        "roi_size": [16, 16, 16],
        "network_def#norm": "batch",
        "train#dataloader#shuffle": False,
    }


def test_value_may_hold_an_equals_sign() -> None:
    assert parse_overrides(["precision=a=b"], SHIPPED) == {"precision": "a=b"}


@pytest.mark.parametrize(("text", "value"), [("1e-3", 0.001), ("2.5E+4", 25000.0), ("-1e2", -100.0)])
def test_numbers_with_an_exponent_are_numbers(text: str, value: float) -> None:
    assert parse_overrides([f"learning_rate={text}"], SHIPPED) == {"learning_rate": value}


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("max_epochs", "wants KEY=VALUE, got `max_epochs`"),
        ("max_epoch=3", "has no `max_epoch`: did you mean max_epochs\\?"),
        ("zzzz=3", "has no `zzzz`$"),
        ("roi_size=[1", "--set roi_size wants a YAML value, got `\\[1`"),
    ],
)
def test_unusable_override_is_one_sentence(pair: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_overrides([pair], SHIPPED)


def test_copy_to_train_is_trusted_and_holds_nothing_measured(untrained: Path, tmp_path: Path) -> None:
    assert is_trusted(untrained)
    assert read_metadata(untrained).eval_metrics == {}
    assert not (untrained / "models").exists()
    assert not (untrained / "docs" / "manifest.json").exists()
    assert "Task04" not in (untrained / "configs" / "metadata.json").read_text()


def test_training_writes_weights_and_goes_on_where_it_ended(
    untrained: Path, dataset: Path, tiny: dict[str, Any]
) -> None:
    seen: list[tuple[int, int]] = []

    def train(**more: object) -> dict[str, float]:
        overrides = {**tiny, "dataset_dir": str(dataset), **more}
        return run_training(untrained, overrides, lambda epoch, epochs, loss: seen.append((epoch, epochs)))

    best = train()
    assert best.keys() == {"dice"}
    assert 0 < best["dice"] < 1
    assert seen == [(1, 2), (2, 2)]
    weights = torch.load(untrained / "models" / "model.pt", weights_only=True)
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())
    state = torch.load(untrained / "train" / "last.pt", weights_only=True)
    assert math.prod((2, 10 // 2)) == state["trainer"]["iteration"]

    # Better weights than any epoch to come: a resumed training must leave them.
    state["best"]["metric"] = 0.999
    torch.save(state, untrained / "train" / "last.pt")
    chosen = (untrained / "models" / "model.pt").read_bytes()
    seen.clear()
    assert train(max_epochs=3, resume=True) == {"dice": 0.999}
    assert seen == [(3, 3)]
    assert (untrained / "models" / "model.pt").read_bytes() == chosen
    with pytest.raises(UserError, match="3 epochs are done already, and the training is to have 3"):
        train(max_epochs=3, resume=True)
    # Nothing that training writes takes the trust away.
    assert is_trusted(untrained)


def test_the_last_epoch_is_validated_before_its_checkpoint_is_saved(
    untrained: Path, dataset: Path, tiny: dict[str, Any]
) -> None:
    overrides = {**tiny, "dataset_dir": str(dataset), "val_interval": 5}
    best = run_training(untrained, overrides, lambda *_: None)
    state = torch.load(untrained / "train" / "last.pt", weights_only=True)
    assert state["best"] == {"metric": best["dice"], "epoch": 2}
    assert state["is_complete"]


def test_nothing_to_resume_is_one_sentence(untrained: Path, dataset: Path, tiny: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"last\.pt` does not exist, so there is nothing to resume"):
        run_training(untrained, {**tiny, "dataset_dir": str(dataset), "resume": True}, print)


@pytest.mark.slow
def test_two_processes_train_together(untrained: Path, dataset: Path, tiny: dict[str, Any]) -> None:
    configs = [str(untrained / "configs" / name) for name in ("train.yaml", "multi_gpu_train.yaml")]
    options = {**tiny, "config_file": configs, "bundle_root": str(untrained), "dataset_dir": str(dataset)}
    del options["mlflow_enabled"]
    arguments = [part for key, value in options.items() for part in (f"--{key}", str(value))]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run(
        [*command, "-m", "monai.bundle", "run", *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    state = torch.load(untrained / "train" / "last.pt", weights_only=True)
    # Ten cases, two processes, two cases a batch: two whole batches for each of both epochs.
    assert state["trainer"]["iteration"] == 4
    weights = torch.load(untrained / "models" / "model.pt", weights_only=True)
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())


def test_an_untrained_copy_keeps_the_mirrored_axes_and_nothing_measured(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(SHIPPED, source)
    path = source / "configs" / "metadata.json"
    measured = {
        "calibration": {"temperature": 2, "fitted_on": "validation", "n": 1, "ece_before": 0.1, "ece_after": 0.1},
        "postprocessing": {"fill_holes": [1]},
    }
    path.write_text(json.dumps(json.loads(path.read_text()) | measured))
    copy_untrained(source, tmp_path / "target")
    metadata = read_metadata(tmp_path / "target")
    assert metadata.mirror_axes == [0]
    assert metadata.expected_input is not None
    assert metadata.expected_input.extent_mm is None
    assert metadata.calibration is None
    assert metadata.postprocessing is None
