from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medseg.cli.console import epoch_progress, say

if TYPE_CHECKING:
    from medseg.bundle import BundleMetadata
    from medseg.runs import Run
    from medseg.training.dataset import Case
    from medseg.training.settings import TrainingSettings


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Attributes:
        best: best value of the key metric, by its name.
        splits: number of cases in each split; empty for a bundle that is trained without cases.
        is_changed: whether the settings changed the inference config, which then did not ship with medseg.
    """

    best: dict[str, float]
    splits: dict[str, int]
    is_changed: bool


def train_bundle(
    run: "Run",
    source: Path,
    output: Path,
    metadata: "BundleMetadata",
    settings: "TrainingSettings",
    *,
    data: Path | None,
    cases: "Sequence[Case]",
    device: str,
    resume: bool,
) -> Trained:
    """Make ``output`` a bundle like ``source``, trained on ``cases`` under ``settings``, and log it to ``run``.

    Args:
        run: The open run.
        source: The bundle to train, which the caller trusts.
        output: Folder of the new one.
        metadata: Those of ``source``.
        settings: Seed, overrides and fold; where they are of a fine-tuning, it starts from the weights of ``source``.
        data: Folder of the cases; None for a bundle that is trained without.
        cases: The cases of ``data`` with the splits of the fold, checked already.
        device: As `choose_device` takes it.
        resume: Go on from the last checkpoint in ``output``.

    Raises:
        UserError: the cases are not those that the training was begun with, or the training cannot be run.
    """
    from medseg.bundle.load import choose_device
    from medseg.bundle.weights import find_weights
    from medseg.cli.single_threaded import single_threaded
    from medseg.training.manifest import add_former_cases, make_manifest
    from medseg.training.prepare import prepare_bundle
    from medseg.training.workflow import merged_config, run_training

    manifest = None
    splits: dict[str, int] = {}
    fold = settings.fold.model_dump(exclude_defaults=True)  # a config that knows no folds trains the first
    given: dict[str, object] = {"seed": settings.seed, "resume": resume, **fold}
    config = merged_config(settings.overrides | fold, source)
    start = frozen = None
    if data is not None:
        for case in cases:
            run.case(case.id)
            run.add_input(case.image)
            run.add_input(case.label)
        command = "train" if settings.finetuning is None else "finetune"
        manifest = make_manifest(cases, f"cases given to medseg {command}", run.case, settings.fold)
        splits = {split: len(manifest.of_split(split)) for split in ("train", "validation", "test")}
        if settings.finetuning is not None:
            start = find_weights(source)
            frozen = config["encoder"] if settings.finetuning.freeze_encoder else None
            manifest = add_former_cases(manifest, source)
        given["dataset_dir"] = str(data)
    is_changed = prepare_bundle(source, output, manifest, settings, resume)
    run.log_config("train_config", config)
    if splits:
        shares = "training on {train} cases, choosing the checkpoint on {validation}, leaving {test} out"
        say(shares.format(**splits))
    else:
        say("training on simulated movies, new ones in every iteration")
    target = choose_device(device if metadata.segments else "cpu")
    run.device = str(target)
    given |= {"device": target, "mlflow_run_id": run.run_id, "mlflow_enabled": run.enabled}
    with epoch_progress("training") as show, nullcontext() if metadata.segments else single_threaded():
        best = run_training(output, {**settings.overrides, **given}, show, start, frozen)
    run.log_metrics({**splits, **{f"best_{name}": value for name, value in best.items()}})
    return Trained(best, splits, is_changed)
