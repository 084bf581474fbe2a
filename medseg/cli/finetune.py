from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from medseg.cli.console import print_json, say
from medseg.cli.model_name import bundle_option
from medseg.cli.options import (
    DeviceOption,
    JsonOption,
    MemoryOption,
    NoLogOption,
    OutputOption,
    OverwriteOption,
    SetOption,
    TrustOption,
)
from medseg.errors import UserError


def finetune(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="Name of a shipped bundle or path of any.")],
    data: Annotated[
        Path,
        typer.Option(
            "--data", help="Folder with imagesTr/ and labelsTr/, or images/ and labels/; patients.csv is heeded."
        ),
    ],
    output: OutputOption,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Default: as many as make about 500 iterations.")
    ] = None,
    freeze_encoder: Annotated[
        bool, typer.Option("--freeze-encoder", help="Train the decoder alone; the encoder stays as it is.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Same seed, data and machine: same weights. Default 0.")
    ] = None,
    override: SetOption = None,
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
    """Train a bundle's weights further on a few cases of yours, and measure them before and after on cases left out.

    OUTPUT becomes a complete bundle, with finetune.json and finetune.png. The learning rate is a tenth of the recipe's.
    A fifth of the cases, of five patients at least, is left out. If no epoch is better than the weights were on the
    cases that choose them, they are kept.
    """
    from medseg.bundle import find_bundle, load_bundle, read_manifest, read_metadata
    from medseg.bundle.trust import is_trusted, require_same_code, require_trust
    from medseg.cli.check_cases import check_cases
    from medseg.cli.finetune_report import RESULT, print_finetuning, write_finetuning
    from medseg.cli.options import TOLERANCE_MM
    from medseg.cli.outputs import make_folder, require_free_bundle
    from medseg.cli.score_cases import score_cases
    from medseg.cli.train_bundle import train_bundle
    from medseg.io.atomic import remove_partial_files
    from medseg.runs import open_run
    from medseg.training.dataset import find_cases
    from medseg.training.finetuning import begin_finetuning, require_same_start
    from medseg.training.manifest import add_former_cases, make_manifest, require_same_cases, unseen_cases
    from medseg.training.preflight import check_training
    from medseg.training.progress import is_complete
    from medseg.training.settings import read_settings, resume_settings
    from medseg.training.workflow import carry_over, merged_config, parse_overrides

    source, output, data = find_bundle(bundle), output.resolve(), data.resolve()
    metadata = read_metadata(source)
    if not metadata.segments:
        raise UserError(
            f"bundle `{source.name}` tracks particles and has no cases: medseg track --calibrate fine-tunes it on "
            "simulated movies like yours"
        )
    require_trust(source, trust_bundle)
    overrides = parse_overrides(override or [], source)
    if epochs is not None:
        if "max_epochs" in overrides:
            raise UserError("--epochs and --set max_epochs are the same: give one of them")
        overrides["max_epochs"] = epochs
    require_free_bundle(output, source, resume or overwrite, data)
    cases = find_cases(data)
    if resume:
        settings = resume_settings(output, seed, overrides, trust_bundle)
        require_same_start(settings, source, freeze_encoder)
        remove_partial_files(output)
        require_same_code(output, source)
    else:
        settings = begin_finetuning(
            source, cases, overrides, seed=seed or 0, freeze_encoder=freeze_encoder, trusted_by_user=trust_bundle
        )
    config = merged_config(settings.overrides, source)
    start_options = settings.finetuning.model_dump() if settings.finetuning else {}
    options = {"bundle": bundle_option(source), "resume": resume, "overrides": settings.overrides, **start_options}
    with open_run("finetune", options=options, output_dir=output, seed=settings.seed, enabled=not no_log) as run:
        make_folder(output)
        for sentence in check_training(metadata, config, cases, check_cases(run, cases, metadata), device, memory):
            say(sentence)
        if resume:
            manifest = add_former_cases(make_manifest(cases, "", run.case), source)
            require_same_cases(manifest, read_manifest(output))
        test = [case for case in cases if case.split == "test"]
        if seen := len(test) - len(unseen_cases(test, [source])):
            say(
                f"warning: the weights were made with {seen} of the {len(test)} cases left out, which flatters what "
                "they reach before"
            )
        start = load_bundle(source, device, trust_bundle)
        # Post-processing was measured of the weights before, and those after have none: compare weights with weights.
        start = replace(start, metadata=start.metadata.model_copy(update={"postprocessing": None}))
        before = score_cases(run, [start], test, TOLERANCE_MM)
        if resume and is_complete(output) and settings == read_settings(output, trust_bundle):
            say("trained before, kept")
            carry_over(settings.overrides, source, output)
        else:
            recipe = "learning rate {learning_rate:g}, {max_epochs} epochs, batch size {batch_size}"
            say(recipe.format(**settings.overrides))
            train_bundle(run, source, output, metadata, settings, data=data, cases=cases, device=device, resume=resume)
        end = load_bundle(output, device, trusted_by_user=True)  # its configs are those of `source`
        run.use_model(run.case(output.name), metadata.version, end.weights_sha256)
        after = score_cases(run, [end], test, TOLERANCE_MM)
        facts = {
            "settings": settings.overrides,
            "freeze_encoder": start_options["freeze_encoder"],
            "seen_before": seen,
            "tolerance_mm": TOLERANCE_MM,
            "failed": sum(case.id not in before or case.id not in after for case in test),
        }
        result = write_finetuning(run, output, (start, end), (before, after), test, facts)
    if json_output:
        print_json(result)
    else:
        print_finetuning(result)
        trust = "" if is_trusted(output) else " --trust-bundle"
        say(f"Every case: {output / RESULT}. Use it: medseg segment IMAGE -b {output} -o labels{trust}")
    if result["failed"]:
        raise typer.Exit(1)
