from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medseg.cli.console import print_json, print_table, say
from medseg.cli.model_name import bundle_option
from medseg.cli.options import (
    DeviceOption,
    JsonOption,
    MemoryOption,
    NoLogOption,
    OutputOption,
    OverlayOption,
    OverwriteOption,
    PlanOption,
    SetOption,
    TrustOption,
)
from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.bundle import BundleMetadata


def train(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="Name of a shipped bundle or path of any.")],
    output: OutputOption,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Folder with imagesTr/ and labelsTr/, or images/ and labels/; none for a particle tracker."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Same seed, data and machine: same weights. Default 0.")
    ] = None,
    overlay: OverlayOption = None,
    override: SetOption = None,
    plan: PlanOption = None,
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
    from medseg.bundle.trust import require_same_code, require_trust
    from medseg.cli.check_cases import check_cases
    from medseg.cli.outputs import make_folder, require_free_bundle
    from medseg.cli.read_overrides import read_overrides
    from medseg.cli.train_bundle import train_bundle
    from medseg.io import sha256_of
    from medseg.io.atomic import remove_partial_files
    from medseg.runs import open_run
    from medseg.training.dataset import find_cases
    from medseg.training.preflight import check_training, require_enough_cases
    from medseg.training.settings import TrainingSettings, resume_settings
    from medseg.training.workflow import merged_config

    source, output = find_bundle(bundle), output.resolve()
    metadata = read_metadata(source)
    _require_fitting_options(source.name, metadata, data, device)
    require_trust(source, trust_bundle)
    overrides = read_overrides(source, overlay, plan, override, trust_bundle)
    settings = TrainingSettings(seed=seed or 0, overrides=overrides)
    require_free_bundle(output, source, resume or overwrite, data)
    if resume:
        settings = resume_settings(output, seed, settings.overrides, trust_bundle)
        if settings.finetuning is not None:
            raise UserError(f"the training in `{output}` was begun by medseg finetune: go on with that")
        remove_partial_files(output)
        require_same_code(output, source)
    data = data.resolve() if data is not None else None
    cases = find_cases(data, settings.fold) if data is not None else []
    if data is not None:
        require_enough_cases(cases)
    config = merged_config(settings.overrides, source)
    options = {"bundle": bundle_option(source), "resume": resume, "overrides": settings.overrides}
    with open_run("train", options=options, output_dir=output, seed=settings.seed, enabled=not no_log) as run:
        make_folder(output)
        facts = check_cases(run, cases, metadata)
        if data is not None:
            for sentence in check_training(metadata, config, cases, facts, device, memory):
                say(sentence)
        trained = train_bundle(
            run, source, output, metadata, settings, data=data, cases=cases, device=device, resume=resume
        )
        run.use_model(run.case(output.name), metadata.version, sha256_of(output / "models" / "model.pt"))
    splits, best = trained.splits, trained.best
    result = {"bundle": str(output), "weights": str(output / "models" / "model.pt"), "cases": splits, "best": best}
    if json_output:
        print_json(result)
        return
    print_table("Trained", ["what", "value"], [*splits.items(), *((f"best {k}", v) for k, v in best.items())])
    trust = " --trust-bundle" if trained.is_changed else ""
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
