import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from medseg.bundle import shipped_bundles
from medseg.errors import UserError
from medseg.io import sha256_of
from medseg.training.dataset import Case
from medseg.training.finetuning import ITERATIONS, begin_finetuning, require_same_start
from medseg.training.overlay import read_overlay
from medseg.training.settings import TrainingSettings, write_settings

SHIPPED = shipped_bundles()["hippocampus_unet"]
LAYERS = {"network_def#channels": [4, 8], "network_def#strides": [2]}


def cases(train: int) -> list[Case]:
    splits = ["test", "validation", *["train"] * train]
    return [Case(str(number), Path("a"), Path("b"), split) for number, split in enumerate(splits)]  # type: ignore[arg-type]


def begin(
    train: int = 8, source: Path = SHIPPED, freeze_encoder: bool = False, trusted: bool = False, **overrides: object
) -> TrainingSettings:
    return begin_finetuning(
        source, cases(train), overrides, seed=0, freeze_encoder=freeze_encoder, trusted_by_user=trusted
    )


@pytest.mark.parametrize("train", [3, 4, 5, 7, 8, 99, 400])
def test_there_is_always_a_batch_and_about_as_many_iterations_as_said(train: int) -> None:
    settings = begin(train).overrides
    iterations = train // settings["batch_size"]
    assert settings["batch_size"] == min(4, train)
    assert iterations >= 1
    assert ITERATIONS <= settings["max_epochs"] * iterations < ITERATIONS + iterations
    assert 1 <= settings["val_interval"] <= settings["max_epochs"]
    assert settings["learning_rate"] == pytest.approx(0.0002)


def test_what_is_given_goes_before() -> None:
    given = {"learning_rate": 0.5, "batch_size": 2, "max_epochs": 7, "val_interval": 3, "precision": "float32"}
    assert begin(**given).overrides == given
    assert begin(3, batch_size=9).overrides["batch_size"] == 3


def test_the_start_is_known_by_its_bytes() -> None:
    settings = begin(freeze_encoder=True)
    assert settings.finetuning is not None
    assert settings.finetuning.weights_sha256 == sha256_of(SHIPPED / "models" / "model.pt")
    require_same_start(settings, SHIPPED, freeze_encoder=True)
    require_same_start(settings, SHIPPED, freeze_encoder=False)
    with pytest.raises(UserError, match="begun without --freeze-encoder"):
        require_same_start(begin(), SHIPPED, freeze_encoder=True)
    with pytest.raises(UserError, match="not begun by medseg finetune"):
        require_same_start(TrainingSettings(seed=0, overrides={}), SHIPPED, freeze_encoder=False)


def copy(target: Path, overrides: Mapping[str, Any]) -> Path:
    shutil.copytree(SHIPPED, target)
    write_settings(TrainingSettings(seed=3, overrides=dict(overrides)), target)
    return target


def test_a_bundle_trained_with_another_network_is_fine_tuned_with_it(tmp_path: Path) -> None:
    source = copy(tmp_path / "source", {**LAYERS, "learning_rate": 7, "max_epochs": 1})
    settings = begin(source=source)
    assert settings.seed == 0
    assert {key: value for key, value in settings.overrides.items() if "#" in key} == LAYERS
    assert settings.overrides["learning_rate"] == pytest.approx(0.0002)  # so a second time does not take a tenth again
    (source / "models" / "model.pt").write_bytes(b"others")
    with pytest.raises(UserError, match="not begun with the weights of"):
        require_same_start(settings, source, freeze_encoder=False)


def test_what_an_overlay_said_of_its_network_still_holds(tmp_path: Path) -> None:
    overlaid = read_overlay("deep_supervision", SHIPPED)
    source = tmp_path / "bundle"
    shutil.copytree(SHIPPED, source)
    write_settings(TrainingSettings(seed=0, overrides={**overlaid, "learning_rate": 1.0}), source)
    settings = begin(source=source, trusted=True).overrides
    assert {key: settings[key] for key in overlaid} == overlaid
    assert settings["learning_rate"] == pytest.approx(0.0002)


def test_settings_of_a_stranger_are_not_run(tmp_path: Path) -> None:
    source = copy(tmp_path / "source", {"network_def": "$print('no')"})
    with pytest.raises(UserError, match="--trust-bundle"):
        begin(source=source)
    assert "network_def" in begin(source=source, trusted=True).overrides
    write_settings(TrainingSettings(seed=0, overrides={"ckpt_dir": "/elsewhere"}), source)
    with pytest.raises(UserError, match="sets ckpt_dir, which follows from the options"):
        begin(source=source)
    (source / "train" / "settings.json").write_text(json.dumps({"seed": "x"}))
    with pytest.raises(UserError, match="is damaged"):
        begin(source=source)


@pytest.mark.parametrize("train", [0, 2])
def test_too_few_cases_are_refused(train: int) -> None:
    with pytest.raises(UserError, match=f"of 5 patients at least.*got {train + 2} cases of {train + 2}"):
        begin(train)


def test_cases_of_one_patient_count_once() -> None:
    of_one = [Case(str(number), Path("a"), Path("b"), "train", patient="one") for number in range(9)]
    with pytest.raises(UserError, match="got 9 cases of 1"):
        begin_finetuning(SHIPPED, of_one, {}, seed=0, freeze_encoder=False, trusted_by_user=False)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("batch_size", "abc", "positive whole number `batch_size`, got 'abc'"),
        ("batch_size", 1.5, "positive whole number `batch_size`, got 1.5"),
        ("max_epochs", True, "positive whole number `max_epochs`, got True"),
        ("learning_rate", -1, "positive number `learning_rate`, got -1"),
        ("val_interval", None, "positive whole number `val_interval`, got None"),
    ],
)
def test_a_recipe_without_the_numbers_is_refused(key: str, value: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        begin(**{key: value})  # type: ignore[arg-type]


def test_a_bundle_that_does_not_name_its_encoder_cannot_freeze_it(tmp_path: Path) -> None:
    source = copy(tmp_path / "source", {})
    config = source / "configs" / "train.yaml"
    config.write_text("".join(line for line in config.open() if not line.startswith("encoder:")))
    begin(source=source)
    with pytest.raises(UserError, match="does not say which parameters are its encoder's"):
        begin(source=source, freeze_encoder=True)
