from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from medseg.bundle.trust import is_live
from medseg.errors import UserError
from medseg.io.atomic import atomic_path
from medseg.training.fold import Fold
from medseg.training.workflow import GIVEN_BY_OPTIONS, shared_overrides

_FILE = Path("train") / "settings.json"
# What goes with a network in a train config, and inference has no use for.
_OF_NETWORK = ("encoder", "loss")


class FineTuning(BaseModel, extra="forbid"):
    """What `medseg finetune` adds to the settings of a training."""

    weights_sha256: str = Field(description="The weights it started from.")
    freeze_encoder: bool


class TrainingSettings(BaseModel, extra="forbid"):
    """What a training was begun with, beyond its config; a resumed one goes on with the same."""

    seed: int = Field(ge=0)
    overrides: dict[str, Any]
    fold: Fold = Fold()
    finetuning: FineTuning | None = None


def write_settings(settings: TrainingSettings, bundle: Path) -> None:
    """Write ``train/settings.json`` of the bundle in folder ``bundle``."""
    path = bundle / _FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as partial:
        partial.write_text(settings.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_settings(bundle: Path, trusted_by_user: bool) -> TrainingSettings | None:
    """The settings the weights of ``bundle`` were trained with; None where there are none.

    Raises:
        UserError: they are damaged, set what options set, or hold expressions that could run code.
    """
    path = bundle / _FILE
    if not path.is_file():
        return None
    try:
        settings = TrainingSettings.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"`{path}` could not be read: {error.strerror or error}") from error
    except ValidationError as error:
        raise UserError(f"`{path}` is damaged: {error.errors()[0]['msg']}") from error
    if given := [key for key in settings.overrides if key.partition("#")[0] in GIVEN_BY_OPTIONS]:
        raise UserError(f"`{path}` is damaged: it sets {given[0]}, which follows from the options of the command")
    if is_live(settings.overrides) and not trusted_by_user:
        raise UserError(f"`{path}` holds expressions that can run code: read it, then pass --trust-bundle")
    return settings


def inherited_overrides(bundle: Path, trusted_by_user: bool) -> dict[str, Any]:
    """What ``bundle`` was trained with beyond its train config, and a training that starts from it needs too.

    That is what its inference config was given as well, such as the network, the window or the spacing, and what goes
    with the network. The train config itself stays as it was written, so that what can run code in it is known.

    Raises:
        UserError: its settings are damaged, or hold expressions that could run code.
    """
    settings = read_settings(bundle, trusted_by_user)
    kept = settings.overrides if settings else {}
    shared = shared_overrides(kept, bundle)
    return {key: value for key, value in kept.items() if key in shared or key.partition("#")[0] in _OF_NETWORK}


def merge_overrides(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Overrides laid over each other, later ones last: a key that is given whole takes away former parts of it."""
    merged: dict[str, Any] = {}
    for layer in layers:
        kept = {key: value for key, value in merged.items() if not {key, key.partition("#")[0]} & layer.keys()}
        merged = {**kept, **layer}
    return merged


def resume_settings(
    bundle: Path, seed: int | None, overrides: dict[str, Any], trusted_by_user: bool
) -> TrainingSettings:
    """The settings the training in ``bundle`` was begun with, and on top of them the new ``overrides``.

    Raises:
        UserError: there is no training to go on with, its settings are damaged or hold expressions that could run code,
            or ``seed`` is another than its own.
    """
    settings = read_settings(bundle, trusted_by_user)
    if settings is None:
        raise UserError(f"`{bundle}` has no {_FILE}, so there is no training to resume: leave out --resume")
    if seed not in (None, settings.seed):
        raise UserError(f"the training in `{bundle}` was begun with --seed {settings.seed}, not {seed}")
    return settings.model_copy(update={"overrides": merge_overrides(settings.overrides, overrides)})
