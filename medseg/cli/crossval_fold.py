import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medseg.cli.console import say
from medseg.cli.model_name import bundle_option
from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.bundle import BundleMetadata
    from medseg.runs import Run
    from medseg.training.dataset import Case
    from medseg.training.settings import TrainingSettings


def run_fold(
    parent: "Run",
    source: Path,
    folder: Path,
    metadata: "BundleMetadata",
    settings: "TrainingSettings",
    *,
    data: Path,
    cases: "Sequence[Case]",
    device: str,
) -> None:
    """Train one fold of a cross-validation into ``folder`` and score its test cases, as far as that is not done.

    Args:
        parent: The run of the cross-validation; the fold gets one below it.
        source: The bundle to train, which the caller trusts.
        folder: Becomes a complete bundle, with the folder ``scores`` in it.
        metadata: Those of ``source``.
        settings: Seed, overrides and fold.
        data: Folder of the cases.
        cases: The cases with the splits of the fold.
        device: As `choose_device` takes it.

    Raises:
        UserError: the fold cannot be trained, or what is there of it was changed.
        typer.Exit: none of its test cases could be scored.
    """
    from medseg.bundle import load_bundle
    from medseg.bundle.trust import require_same_code
    from medseg.cli.options import TOLERANCE_MM
    from medseg.cli.outputs import make_folder
    from medseg.cli.score_bundle import score_bundle
    from medseg.cli.train_bundle import train_bundle
    from medseg.io.atomic import remove_partial_files
    from medseg.runs import open_run
    from medseg.training.progress import is_begun, is_complete
    from medseg.training.workflow import carry_over

    number = settings.fold.fold
    if is_scored(folder):
        say(f"fold {number}: finished before, kept")
        if run_id := _run_of(folder, parent):
            parent.adopt(run_id)
        return
    options = {"bundle": bundle_option(source), "fold": settings.fold.model_dump(), "overrides": settings.overrides}
    with open_run(
        "crossval fold", options=options, output_dir=folder, seed=settings.seed, enabled=parent.enabled, parent=parent
    ) as run:
        make_folder(folder)
        resume = is_begun(folder)
        if resume:
            remove_partial_files(folder)
            require_same_code(folder, source)
        else:
            shutil.rmtree(folder / "scores", ignore_errors=True)
        if is_complete(folder):
            if not (weights := folder / "models" / "model.pt").is_file():
                raise UserError(f"`{weights}` is gone: put it back, or remove `{folder}` to train the fold anew")
            say(f"fold {number}: trained before, kept")
            carry_over(settings.overrides, source, folder)
        else:
            say(f"fold {number}: {'going on' if resume else 'beginning'}")
            train_bundle(run, source, folder, metadata, settings, data=data, cases=cases, device=device, resume=resume)
        loaded = load_bundle(folder, device, trusted_by_user=True)  # its configs are those of `source`
        run.device = str(loaded.device)
        run.use_model(run.case(folder.name), metadata.version, loaded.weights_sha256)
        test = [case for case in cases if case.split == "test"]
        metrics = score_bundle(
            run, [loaded], test, folder / "scores", split="test", tolerance=TOLERANCE_MM, with_trials=True
        )
    if metrics["failed"]:
        parent.fail(f"{metrics['failed']} of {len(test)} test cases of fold {number} failed")


def _run_of(folder: Path, parent: "Run") -> str | None:
    """The run that a fold's record tells of, if it is in the store of ``parent``."""
    try:
        logged = json.loads((folder / "run.json").read_text(encoding="utf-8"))["mlflow"]
        return str(logged["run_id"]) if logged["tracking_uri"] == parent.tracking_uri else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def is_scored(folder: Path) -> bool:
    """Whether a fold is trained, and all its test cases scored, with trials, with the weights that are there.

    Raises:
        UserError: the weights are other ones than those that were scored.
    """
    from medseg.io import sha256_of
    from medseg.training.progress import is_complete

    path = folder / "scores" / "metrics.json"
    if not is_complete(folder) or not path.is_file():
        return False
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
        scored, failed = metrics["bundle"]["weights_sha256"], int(metrics["failed"])
    except (ValueError, LookupError, TypeError) as error:
        raise UserError(f"`{path}` is damaged: remove it to score the fold anew") from error
    weights = folder / "models" / "model.pt"
    if not weights.is_file() or sha256_of(weights) != scored:
        raise UserError(f"`{weights}` is not what was scored: put it back, or remove `{folder}` to train the fold anew")
    return failed == 0 and "postprocessing_trials" in metrics
