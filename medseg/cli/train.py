from pathlib import Path
from typing import Annotated

import typer

from medseg.cli.console import epoch_progress, print_json, print_table, progress, say
from medseg.cli.model_name import bundle_option
from medseg.cli.options import DeviceOption, JsonOption, NoLogOption, OutputOption, OverwriteOption, TrustOption
from medseg.errors import UserError


def train(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="Name of a shipped bundle or path of any.")],
    data: Annotated[Path, typer.Option("--data", help="Folder with imagesTr/ and labelsTr/.")],
    output: OutputOption,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Same seed, data and machine: same weights. Default 0.")
    ] = None,
    override: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override the config: --set max_epochs=20.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last epoch in OUTPUT, with its settings.")
    ] = False,
    overwrite: OverwriteOption = False,
    device: DeviceOption = "auto",
    trust_bundle: TrustOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Train a bundle on your cases.

    OUTPUT becomes a complete bundle, with weights and a manifest of the cases. A fifth of the cases is left out for
    `medseg evaluate --split test`, the same fifth every time.
    """
    from medseg.bundle import find_bundle, read_metadata
    from medseg.bundle.load import choose_device
    from medseg.bundle.trust import require_same_code, require_trust
    from medseg.cli.outputs import make_folder
    from medseg.io import sha256_of
    from medseg.runs import open_run
    from medseg.training.dataset import find_cases
    from medseg.training.manifest import make_manifest
    from medseg.training.prepare import prepare_bundle
    from medseg.training.settings import TrainingSettings, resume_settings
    from medseg.training.verify import verify_case
    from medseg.training.workflow import merged_config, parse_overrides, run_training

    source, output, data = find_bundle(bundle), output.resolve(), data.resolve()
    require_trust(source, trust_bundle)
    settings = TrainingSettings(seed=seed or 0, overrides=parse_overrides(override or [], source))
    cases = find_cases(data)
    _require_free(output, source, resume or overwrite)
    if resume:
        settings = resume_settings(output, seed, settings.overrides, trust_bundle)
        require_same_code(output, source)
    options = {"bundle": bundle_option(source), "resume": resume, "overrides": settings.overrides}
    with open_run("train", options=options, output_dir=output, seed=settings.seed, enabled=not no_log) as run:
        make_folder(output)
        metadata = read_metadata(source)
        for case in progress(cases, "checking"):
            run.case(case.id)
            verify_case(case, metadata)
            run.add_input(case.image)
            run.add_input(case.label)
        manifest = make_manifest(cases, dataset="cases given to medseg train", pseudonym=run.case)
        is_changed = prepare_bundle(source, output, manifest, settings, resume)
        run.log_config("train_config", merged_config(settings.overrides, source))
        splits = {split: len(manifest.of_split(split)) for split in ("train", "validation", "test")}
        say("training on {train} cases, choosing the checkpoint on {validation}, leaving {test} out".format(**splits))
        target = choose_device(device)
        run.device = str(target)
        given = {"dataset_dir": str(data), "seed": settings.seed, "resume": resume, "device": target}
        logged = {"mlflow_run_id": run.run_id, "mlflow_enabled": run.enabled}
        with epoch_progress("training") as show:
            best = run_training(output, {**settings.overrides, **given, **logged}, show)
        run.log_metrics({**splits, **{f"best_{name}": value for name, value in best.items()}})
        run.use_model(run.case(output.name), metadata.version, sha256_of(output / "models" / "model.pt"))
    result = {"bundle": str(output), "weights": str(output / "models" / "model.pt"), "cases": splits, "best": best}
    if json_output:
        print_json(result)
        return
    print_table("Trained", ["what", "value"], [*splits.items(), *((f"best {k}", v) for k, v in best.items())])
    trust = " --trust-bundle" if is_changed else ""
    typer.echo(
        f"Score it on the cases left out: medseg evaluate -b {output} --data {data} --split test -o scores{trust}"
    )


def _require_free(output: Path, source: Path, may_exist: bool) -> None:
    if output.resolve() == source.resolve() or source.resolve() in output.resolve().parents:
        raise UserError(f"`{output}` is the bundle itself: train into another folder")
    if not may_exist and output.is_dir() and any(output.iterdir()):
        raise UserError(f"`{output}` is not empty and is kept: pass --resume to go on, or --overwrite")
