import difflib
import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from medseg.errors import UserError
from medseg.io.atomic import atomic_path

TRAIN_CONFIG = Path("configs") / "train.yaml"


def parse_overrides(pairs: Sequence[str], bundle: Path) -> dict[str, Any]:
    """Overrides of the train config from ``KEY=VALUE``; the value is YAML, ``KEY`` may reach in with ``#``.

    Raises:
        UserError: a pair has no ``=``, its value is no YAML, or the config has no such key; a near one is suggested.
    """
    import yaml

    known = yaml.safe_load((bundle / TRAIN_CONFIG).read_text(encoding="utf-8"))
    overrides: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"--set wants KEY=VALUE, got `{pair}`")
        top = key.partition("#")[0]
        if top not in known:
            near = difflib.get_close_matches(top, known, n=1)
            raise UserError(f"the train config has no `{top}`" + (f": did you mean {near[0]}?" if near else ""))
        try:
            overrides[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UserError(f"--set {key} wants a YAML value, got `{value}`") from error
    return overrides


def copy_untrained(source: Path, target: Path) -> None:
    """Copy a bundle without its weights and without what was measured of them."""
    shutil.copytree(source / "configs", target / "configs", dirs_exist_ok=True)
    for name in ("LICENSE", "scripts"):
        item = source / name
        if item.is_dir():
            shutil.copytree(item, target / name, dirs_exist_ok=True)
        elif item.is_file():
            shutil.copy(item, target / name)
    path = target / "configs" / "metadata.json"
    metadata = json.loads(path.read_text(encoding="utf-8"))
    metadata["eval_metrics"] = {}
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(metadata, indent=4) + "\n", encoding="utf-8")
    (target / "docs").mkdir(exist_ok=True)
    with atomic_path(target / "docs" / "README.md") as partial:
        partial.write_text(
            f"# {metadata.get('name') or source.name}\n\nTrained with `medseg train {source.name}`; the cases are in "
            "manifest.json. Not yet measured: run `medseg evaluate --split test`.\n",
            encoding="utf-8",
        )


def carry_over(overrides: Mapping[str, Any], bundle: Path) -> bool:
    """Write the overrides that inference shares, such as those of the network, into the bundle's inference config.

    Returns whether there was one; the bundle's configs are then no longer those that shipped with medseg.
    """
    from monai.bundle import ConfigParser

    path = bundle / "configs" / "inference.yaml"
    parser = ConfigParser()
    parser.read_config(str(path))
    shared = {key: value for key, value in overrides.items() if key.partition("#")[0] in parser.config}
    if shared:
        parser.update(shared)
        with atomic_path(path) as partial:
            ConfigParser.export_config_file(parser.config, str(partial), fmt="yaml", sort_keys=False)
    return bool(shared)


def run_training(
    bundle: Path, overrides: Mapping[str, Any], on_epoch: Callable[[int, int, float], None]
) -> dict[str, float]:
    """Run the train config of ``bundle`` and return the best value of its key metric, by name.

    Weights go to ``models/model.pt`` of the bundle and the state to go on from to ``train/last.pt``.

    Args:
        bundle: folder of the bundle, written to.
        overrides: values that replace those of the config.
        on_epoch: called after every epoch with its number, the number of epochs, and its last loss.

    Raises:
        UserError: there is nothing to resume, or the config cannot be run as overridden.
    """
    from ignite.engine import Events
    from monai.bundle import ConfigWorkflow

    if overrides.get("resume") and not (bundle / "train" / "last.pt").is_file():
        raise UserError(f"`{bundle}` has no train/last.pt to resume from: leave out --resume")
    workflow = ConfigWorkflow(
        str(bundle / TRAIN_CONFIG), workflow_type="train", logging_file=False, bundle_root=str(bundle), **overrides
    )
    try:
        workflow.initialize()
        trainer, evaluator = workflow.trainer, workflow.evaluator
        trainer.add_event_handler(
            Events.EPOCH_COMPLETED,
            lambda: on_epoch(trainer.state.epoch, trainer.state.max_epochs, float(trainer.state.output["loss"])),
        )
        workflow.run()
    except Exception as error:
        cause = _root_cause(error)
        if isinstance(cause, UserError):
            raise cause from error
        logging.getLogger(__name__).debug("training failed", exc_info=error)
        raise
    finally:
        workflow.finalize()
    (name,) = workflow.parser.get("validate#key_metric") or ("metric",)
    return {str(name): float(evaluator.state.best_metric)}


def _root_cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error
