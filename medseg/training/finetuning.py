import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medseg.bundle.weights import find_weights
from medseg.errors import UserError
from medseg.io import sha256_of
from medseg.training.dataset import Case
from medseg.training.settings import FineTuning, TrainingSettings, inherited_overrides, merge_overrides
from medseg.training.workflow import merged_config

ITERATIONS = 500
_VALIDATIONS = 10
_FEWEST_PATIENTS = 5
_SLOWER = 10


def begin_finetuning(
    source: Path,
    cases: Sequence[Case],
    overrides: Mapping[str, Any],
    *,
    seed: int,
    freeze_encoder: bool,
    trusted_by_user: bool,
) -> TrainingSettings:
    """The settings under which the weights of a bundle are fine-tuned on a few cases.

    It is the recipe of the bundle, with a tenth of its learning rate, for about `ITERATIONS` iterations with some ten
    validations, in batches no larger than there are cases to train on. ``overrides`` go before, but for such a batch.
    Overrides that ``source`` itself was trained with are kept where they are of the network.

    Raises:
        UserError: there are too few patients, the bundle has no weights, its train config lacks a key that is needed,
            or its settings hold expressions that could run code.
    """
    patients = {case.owner for case in cases}
    if len(patients) < _FEWEST_PATIENTS:
        raise UserError(
            f"fine-tuning needs cases of {_FEWEST_PATIENTS} patients at least, to train, to choose the weights and to "
            f"measure them; got {len(cases)} cases of {len(patients)}"
        )
    given = merge_overrides(inherited_overrides(source, trusted_by_user), overrides)
    config = merged_config(given, source)
    _require_keys(config, source.name, freeze_encoder)
    train = sum(case.split == "train" for case in cases)
    batch_size = min(config["batch_size"], train)
    epochs = overrides.get("max_epochs", math.ceil(ITERATIONS / (train // batch_size)))
    settings = {
        **{"learning_rate": config["learning_rate"] / _SLOWER, "max_epochs": epochs},
        **{"val_interval": max(epochs // _VALIDATIONS, 1), **given, "batch_size": batch_size},
    }
    return TrainingSettings(
        seed=seed,
        overrides=settings,
        finetuning=FineTuning(weights_sha256=sha256_of(find_weights(source)), freeze_encoder=freeze_encoder),
    )


def require_same_start(settings: TrainingSettings, source: Path, freeze_encoder: bool) -> None:
    """Refuse to go on with a training that was begun otherwise.

    Raises:
        UserError: it was not begun with these weights, or with the encoder trained and not frozen.
    """
    begun = settings.finetuning
    if begun is None:
        raise UserError("the training was not begun by medseg finetune: go on with medseg train")
    if begun.weights_sha256 != sha256_of(find_weights(source)):
        raise UserError(f"the training was not begun with the weights of `{source}`: fine-tune anew")
    if freeze_encoder and not begun.freeze_encoder:
        raise UserError("the training was begun without --freeze-encoder: leave it out, or fine-tune anew")


def _require_keys(config: Mapping[str, Any], name: str, freeze_encoder: bool) -> None:
    for key in ("learning_rate", "batch_size", "max_epochs", "val_interval"):
        value = config.get(key)
        may_be_broken = key == "learning_rate"
        is_number = isinstance(value, int | float if may_be_broken else int) and not isinstance(value, bool)
        if value is None or not is_number or value <= 0:
            number = "number" if may_be_broken else "whole number"
            raise UserError(f"the train config of bundle `{name}` must have a positive {number} `{key}`, got {value!r}")
    if freeze_encoder and not isinstance(config.get("encoder"), str):
        raise UserError(
            f"bundle `{name}` does not say which parameters are its encoder's: give its train config the key encoder, "
            "a regular expression over their names, or leave out --freeze-encoder"
        )
