import difflib
import errno
import json
import logging
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medseg.bundle.metadata import read_metadata
from medseg.errors import UserError, first_line
from medseg.io.atomic import atomic_path
from medseg.training.freeze import freeze
from medseg.training.start_from import start_from

if TYPE_CHECKING:
    from monai.bundle import ConfigParser

TRAIN_CONFIG = Path("configs") / "train.yaml"
INFERENCE_CONFIG = TRAIN_CONFIG.with_name("inference.yaml")
_EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")
_OF_CONFIGS = ("channels", "mirror_axes")
GIVEN_BY_OPTIONS = (
    "bundle_root",
    "ckpt_dir",
    "dataset_dir",
    "device",
    "fold",
    "folds",
    "keep_test",
    "mlflow_enabled",
    "mlflow_run_id",
    "output_dir",
    "resume",
    "seed",
)


def parse_overrides(pairs: Sequence[str], bundle: Path) -> dict[str, Any]:
    """Overrides of the train config from ``KEY=VALUE``; the value is YAML, ``KEY`` may reach in with ``#``.

    Raises:
        UserError: a pair has no ``=``, its value is no YAML, or the config has no such key; a near one is suggested.
    """
    import yaml

    known = merged_config({}, bundle)
    overrides: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"--set wants KEY=VALUE, got `{pair}`")
        top = key.partition("#")[0]
        if top in GIVEN_BY_OPTIONS:
            raise UserError(f"--set {key} is not for you to set: it follows from the options of the command")
        if top not in known:
            near = difflib.get_close_matches(top, known, n=1)
            raise UserError(f"the train config has no `{top}`" + (f": did you mean {near[0]}?" if near else ""))
        try:
            # YAML wants a point in a number with an exponent: to it, 1e-3 is text.
            overrides[key] = float(value) if _EXPONENT.fullmatch(value.strip()) else yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UserError(f"--set {key} wants a YAML value, got `{value}`") from error
    return overrides


def clear_training(bundle: Path) -> None:
    """Take away what a former training left in ``bundle``, so that nothing of it is taken for the new one's."""
    for name in ("configs", "docs", "models", "scripts", "train"):
        shutil.rmtree(bundle / name, ignore_errors=True)
    for name in ("LICENSE", "run.json"):
        (bundle / name).unlink(missing_ok=True)


def copy_untrained(source: Path, target: Path) -> None:
    """Copy a bundle without its weights, and without what is true of these alone: measures, data, licence."""
    is_simulated = not read_metadata(source).segments
    shutil.copytree(source / "configs", target / "configs", dirs_exist_ok=True)
    for name in ("LICENSE", "scripts"):
        item = source / name
        if item.is_dir():
            shutil.copytree(item, target / name, dirs_exist_ok=True)
        elif item.is_file():
            shutil.copy(item, target / name)
    path = target / "configs" / "metadata.json"
    metadata = json.loads(path.read_text(encoding="utf-8"))
    metadata |= {
        "changelog": {metadata["version"]: f"Trained by medseg train with the configs of {source.name}"},
        "authors": f"Whoever trained the weights; of the configs, {metadata.get('authors', 'unknown')}",
        "copyright": "The weights are their trainer's"
        + ("." if is_simulated else "; so is the duty to name the licence of the data."),
        "data_source": "Simulated movies" if is_simulated else "The cases of docs/manifest.json",
        "eval_metrics": {},
    }
    # What the former cases looked like says nothing of the new ones; what follows from the configs holds for both.
    expected = {key: value for key, value in (metadata.get("expected_input") or {}).items() if key in _OF_CONFIGS}
    for section in ("expected_input", "calibration", "postprocessing"):
        metadata.pop(section, None)
    if expected:
        metadata["expected_input"] = expected
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(metadata, indent=4) + "\n", encoding="utf-8")
    (target / "docs").mkdir(exist_ok=True)
    trained = (
        f"Trained with `medseg train {source.name}` on simulated movies. Not yet measured: run `medseg evaluate`."
        if is_simulated
        else f"Trained with `medseg train {source.name}`; the cases are in manifest.json. Not yet measured: run "
        "`medseg evaluate --split test`."
    )
    with atomic_path(target / "docs" / "README.md") as partial:
        partial.write_text(f"# {metadata.get('name') or source.name}\n\n{trained}\n", encoding="utf-8")


def merged_config(overrides: Mapping[str, Any], bundle: Path) -> dict[str, Any]:
    """The whole train config with ``overrides`` in place, as plain data.

    Raises:
        UserError: the bundle has no such config, it is damaged, or a key reaches into what is no section.
    """
    parser = _read_config(bundle / TRAIN_CONFIG)
    for key, value in overrides.items():
        try:
            parser.update({key: value})
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise UserError(f"--set {key} names a part that the train config does not have") from error
    return dict(parser.config)


def shared_overrides(overrides: Mapping[str, Any], source: Path) -> dict[str, Any]:
    """Those of ``overrides`` that are of the inference config of ``source`` too, as of the network.

    Raises:
        UserError: the bundle has no such config, or it is damaged.
    """
    config = _read_config(source / INFERENCE_CONFIG).config
    return {key: value for key, value in overrides.items() if key.partition("#")[0] in config}


def _read_config(path: Path) -> "ConfigParser":
    import yaml
    from monai.bundle import ConfigParser

    if not path.is_file():
        bundle = path.parents[1]
        raise UserError(f"bundle `{bundle.name}` has no {path.relative_to(bundle).as_posix()}, so it cannot be trained")
    parser = ConfigParser()
    try:
        parser.read_config(str(path))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"`{path}` cannot be read: {first_line(error)}") from error
    return parser


def carry_over(overrides: Mapping[str, Any], source: Path, bundle: Path) -> bool:
    """Make the inference config of ``bundle``: that of ``source`` with the overrides it shares, as of the network.

    Those that say what stands there already change nothing.

    Returns whether there was one; the bundle's configs are then no longer those that shipped with medseg.
    """
    from monai.bundle import ConfigParser

    parser = _read_config(source / INFERENCE_CONFIG)
    shared = {key: value for key, value in shared_overrides(overrides, source).items() if parser.get(key) != value}
    if shared:
        parser.update(shared)
    with atomic_path(bundle / INFERENCE_CONFIG) as partial:
        if shared:
            ConfigParser.export_config_file(parser.config, str(partial), fmt="yaml", sort_keys=False)
        else:
            shutil.copy(source / INFERENCE_CONFIG, partial)
    return bool(shared)


def run_training(
    bundle: Path,
    overrides: Mapping[str, Any],
    on_epoch: Callable[[int, int, float], None],
    start: Path | None = None,
    frozen: str | None = None,
) -> dict[str, float]:
    """Run the train config of ``bundle`` and return the best value of its key metric, by name.

    Weights go to ``models/model.pt`` of the bundle, the state to go on from to ``train/last.pt``, and what MONAI's
    handlers say to ``train/log.txt``.

    Args:
        bundle: folder of the bundle, written to.
        overrides: values that replace those of the config.
        on_epoch: called after every epoch with its number, the number of epochs, and its last loss.
        start: weights to begin with, which are kept unless an epoch betters them; a training that is resumed goes on
            with its own.
        frozen: regular expression over the names of the parameters that stay as they are.

    Raises:
        UserError: a case, the checkpoint or ``start`` cannot be read, or is of another network.
    """
    from ignite.engine import Events
    from monai.bundle import ConfigWorkflow

    with _output_kept(bundle / "train" / "log.txt"):
        logging.disable(logging.WARNING)  # MONAI warns, on standard output, that it leaves our logging alone
        try:
            workflow = ConfigWorkflow(
                str(bundle / TRAIN_CONFIG),
                workflow_type="train",
                logging_file=False,
                bundle_root=str(bundle),
                **overrides,
            )
        finally:
            logging.disable(logging.NOTSET)
        try:
            is_built = False
            workflow.initialize()
            trainer, evaluator = workflow.trainer, workflow.evaluator
            if start is not None and not overrides.get("resume"):
                start_from(start, workflow.network_def, trainer, evaluator)
            if frozen is not None:
                freeze(workflow.network_def, frozen)
            trainer.add_event_handler(
                Events.EPOCH_COMPLETED,
                lambda: on_epoch(trainer.state.epoch, trainer.state.max_epochs, float(trainer.state.output["loss"])),
            )
            is_built = True
            workflow.run()
        except Exception as error:
            mistake = _user_error(error)
            if mistake is not None:
                raise mistake from mistake.__cause__
            if not is_built:
                raise UserError(f"the train config cannot be used as it is set: {first_line(error)}") from error
            if _is_full_disk(error):
                raise UserError(
                    f"`{bundle}` could not be written: the disk is full, or a limit on file size"
                ) from error
            raise
        finally:
            workflow.finalize()
    (name,) = workflow.parser.get("validate#key_metric") or ("metric",)
    return {str(name): float(evaluator.state.best_metric)}


@contextmanager
def _output_kept(path: Path) -> Iterator[None]:
    """Send what MONAI's handlers print to the log at ``path``, and take away the logging handlers they made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as log, redirect_stdout(log):
        try:
            yield
        finally:
            named = [item for item in logging.root.manager.loggerDict.values() if isinstance(item, logging.Logger)]
            for logger in (logging.root, *named):
                logger.handlers[:] = [item for item in logger.handlers if getattr(item, "stream", None) is not log]


def _user_error(error: BaseException | None) -> UserError | None:
    """The user's mistake that ``error`` came from, through the errors MONAI wraps it in; None if it was none."""
    while error is not None and not isinstance(error, UserError):
        error = error.__cause__
    return error


def _is_full_disk(error: BaseException | None) -> bool:
    """Whether a file could not be written in full; torch says so in words of its own."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            return True
        if isinstance(error, RuntimeError) and any(
            word in str(error) for word in ("file write", "writing file", "inline_container", "iostream error")
        ):
            return True
        error = error.__cause__ or error.__context__
    return False
