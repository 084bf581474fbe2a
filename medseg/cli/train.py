from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medseg.cli.console import epoch_progress, print_json, print_table, progress, say
from medseg.cli.model_name import bundle_option
from medseg.cli.options import (
    DeviceOption,
    JsonOption,
    MemoryOption,
    NoLogOption,
    OutputOption,
    OverwriteOption,
    TrustOption,
)
from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.bundle import BundleMetadata


def train(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="Name of a shipped bundle or path of any.")],
    output: OutputOption,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder with imagesTr/ and labelsTr/; none for a particle tracker.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Same seed, data and machine: same weights. Default 0.")
    ] = None,
    override: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override the config: --set max_epochs=20.")
    ] = None,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Overrides from a file of `medseg plan`; --set wins over it.")
    ] = None,
    memory: MemoryOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last epoch in OUTPUT, with its settings.")
    ] = False,
    overwrite: OverwriteOption = False,
    device: DeviceOption = "auto",
    trust_bundle: TrustOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Train a bundle on your cases, or a particle tracker on simulated movies.

    OUTPUT becomes a complete bundle, with weights and a manifest of the cases. A fifth of the cases is left out for
    `medseg evaluate --split test`, the same fifth every time. A particle tracker takes no --data: every movie is
    simulated.
    """
    from medseg.bundle import find_bundle, read_metadata
    from medseg.bundle.load import choose_device
    from medseg.bundle.trust import require_same_code, require_trust
    from medseg.cli.outputs import make_folder
    from medseg.cli.single_threaded import single_threaded
    from medseg.io import sha256_of
    from medseg.runs import open_run
    from medseg.training.dataset import find_cases
    from medseg.training.manifest import make_manifest
    from medseg.training.plan_file import read_plan
    from medseg.training.preflight import check_training, require_enough_cases
    from medseg.training.prepare import prepare_bundle
    from medseg.training.settings import TrainingSettings, resume_settings
    from medseg.training.verify import verify_case
    from medseg.training.workflow import merged_config, parse_overrides, run_training

    source, output = find_bundle(bundle), output.resolve()
    metadata = read_metadata(source)
    _require_fitting_options(source.name, metadata, data, device)
    require_trust(source, trust_bundle)
    planned = read_plan(plan, source) if plan is not None else {}
    settings = TrainingSettings(seed=seed or 0, overrides=planned | parse_overrides(override or [], source))
    data = data.resolve() if data is not None else None
    cases = find_cases(data) if data is not None else []
    if data is not None:
        require_enough_cases(cases)
    _require_free(output, source, resume or overwrite)
    if resume:
        settings = resume_settings(output, seed, settings.overrides, trust_bundle)
        require_same_code(output, source)
    config = merged_config(settings.overrides, source)
    target = choose_device(device if metadata.segments else "cpu")
    options = {"bundle": bundle_option(source), "resume": resume, "overrides": settings.overrides}
    with open_run("train", options=options, output_dir=output, seed=settings.seed, enabled=not no_log) as run:
        make_folder(output)
        manifest = None
        splits: dict[str, int] = {}
        given: dict[str, object] = {"seed": settings.seed, "resume": resume}
        if data is not None:
            facts = []
            for case in progress(cases, "checking"):
                run.case(case.id)
                facts.append(verify_case(case, metadata))
                run.add_input(case.image)
                run.add_input(case.label)
            for sentence in check_training(metadata, config, cases, facts, target, memory):
                say(sentence)
            manifest = make_manifest(cases, dataset="cases given to medseg train", pseudonym=run.case)
            splits = {split: len(manifest.of_split(split)) for split in ("train", "validation", "test")}
            given["dataset_dir"] = str(data)
        is_changed = prepare_bundle(source, output, manifest, settings, resume)
        run.log_config("train_config", config)
        if splits:
            shares = "training on {train} cases, choosing the checkpoint on {validation}, leaving {test} out"
            say(shares.format(**splits))
        else:
            say("training on simulated movies, new ones in every iteration")
        run.device = str(target)
        given |= {"device": target, "mlflow_run_id": run.run_id, "mlflow_enabled": run.enabled}
        with epoch_progress("training") as show, nullcontext() if metadata.segments else single_threaded():
            best = run_training(output, {**settings.overrides, **given}, show)
        run.log_metrics({**splits, **{f"best_{name}": value for name, value in best.items()}})
        run.use_model(run.case(output.name), metadata.version, sha256_of(output / "models" / "model.pt"))
    result = {"bundle": str(output), "weights": str(output / "models" / "model.pt"), "cases": splits, "best": best}
    if json_output:
        print_json(result)
        return
    print_table("Trained", ["what", "value"], [*splits.items(), *((f"best {k}", v) for k, v in best.items())])
    trust = " --trust-bundle" if is_changed else ""
    if data is None:
        typer.echo(f"Score it on movies it has not seen: medseg evaluate -b {output} -o scores{trust}")
    else:
        typer.echo(
            f"Score it on the cases left out: medseg evaluate -b {output} --data {data} --split test -o scores{trust}"
        )


def _require_fitting_options(name: str, metadata: "BundleMetadata", data: Path | None, device: str) -> None:
    """Refuse --data where there is no use for it, and its absence where there is."""
    if metadata.segments and data is None:
        raise UserError(f"bundle `{name}` is trained on cases: give the folder of them with --data")
    if metadata.segments:
        return
    if data is not None:
        raise UserError(
            f"bundle `{name}` tracks particles and is trained on simulated movies: leave out --data, and track movies "
            "of your own with medseg track"
        )
    if device not in ("auto", "cpu"):
        raise UserError(f"bundle `{name}` is trained on the CPU: leave out --device")


def _require_free(output: Path, source: Path, may_exist: bool) -> None:
    if output.resolve() == source.resolve() or source.resolve() in output.resolve().parents:
        raise UserError(f"`{output}` is the bundle itself: train into another folder")
    if not may_exist and output.is_dir() and any(output.iterdir()):
        raise UserError(f"`{output}` is not empty and is kept: pass --resume to go on, or --overwrite")
