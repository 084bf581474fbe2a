from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medseg.cli.console import print_json, say
from medseg.cli.model_name import bundle_option
from medseg.cli.options import (
    DeviceOption,
    JsonOption,
    MemoryOption,
    NoLogOption,
    OutputOption,
    OverlayOption,
    PlanOption,
    SetOption,
    TrustOption,
)
from medseg.cli.print_folds import print_folds
from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.training.crossval_plan import PlannedCase


def crossval(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="Name of a shipped bundle or path of any.")],
    data: Annotated[
        Path,
        typer.Option(
            "--data", help="Folder with imagesTr/ and labelsTr/, or images/ and labels/; patients.csv is heeded."
        ),
    ],
    output: OutputOption,
    folds: Annotated[int, typer.Option("--folds", min=2, help="Number of parts; each tests one model.")] = 5,
    only: Annotated[
        list[int] | None, typer.Option("--only", metavar="K", min=0, help="Train fold K only; may be given again.")
    ] = None,
    keep_test: Annotated[
        bool,
        typer.Option("--keep-test", help="Leave part 0 of five, the test set, out of it all: four folds of the rest."),
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, data and machine: same weights.")] = 0,
    overlay: OverlayOption = None,
    override: SetOption = None,
    planned: PlanOption = None,
    memory: MemoryOption = None,
    device: DeviceOption = "auto",
    trust_bundle: TrustOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Train a bundle k times, each time without another part of the cases, and score that part.

    OUTPUT/fold_K becomes a complete bundle with its scores; OUTPUT gets the scores of all cases. The same command again
    goes on where it was ended.
    """
    from medseg.bundle import find_bundle, read_metadata
    from medseg.bundle.trust import code_digest, require_trust
    from medseg.cli.check_cases import check_cases
    from medseg.cli.crossval_fold import run_fold
    from medseg.cli.outputs import make_folder
    from medseg.cli.read_overrides import read_overrides
    from medseg.cli.summarise_folds import summarise_folds
    from medseg.runs import open_run
    from medseg.training.crossval_plan import (
        CrossvalPlan,
        has_plan,
        plan_cases,
        require_free,
        require_same_plan,
        write_plan,
    )
    from medseg.training.dataset import find_cases
    from medseg.training.fold import Fold, require_fold_keys
    from medseg.training.folds import PARTS
    from medseg.training.preflight import check_split, check_training
    from medseg.training.progress import is_complete
    from medseg.training.recipe import read_recipe
    from medseg.training.require_folds import require_folds
    from medseg.training.settings import TrainingSettings
    from medseg.training.workflow import merged_config

    source, output, data = find_bundle(bundle), output.resolve(), data.resolve()
    metadata = read_metadata(source)
    if not metadata.segments:
        raise UserError(f"bundle `{source.name}` tracks particles and has no cases to fold: use medseg train")
    if keep_test and folds != PARTS:
        raise UserError(f"--keep-test leaves out part 0 of {PARTS}, the test set of the project: leave out --folds")
    require_trust(source, trust_bundle)
    overrides = read_overrides(source, overlay, planned, override, trust_bundle)
    config = merged_config(overrides, source)
    require_fold_keys(config, source.name)
    numbers = range(folds - keep_test)
    chosen = _chosen(only, numbers)
    settings = {
        number: TrainingSettings(
            seed=seed, overrides=overrides, fold=Fold(fold=number, folds=folds, keep_test=keep_test)
        )
        for number in numbers
    }
    cases_of = {number: find_cases(data, one.fold) for number, one in settings.items()}
    plan = CrossvalPlan(
        bundle=source.name,
        code_sha256=code_digest(source),
        seed=seed,
        overrides=overrides,
        folds=folds,
        keep_test=keep_test,
        cases=plan_cases(cases_of[0], keep_test),
    )
    is_begun = has_plan(output)
    if is_begun:
        require_same_plan(plan, output)
    else:
        require_free(output, source)
    options = {
        **{"bundle": bundle_option(source), "overrides": overrides, "folds": folds, "keep_test": keep_test},
        "only": chosen,
    }
    with open_run("crossval", options=options, output_dir=output, seed=seed, enabled=not no_log) as run:
        make_folder(output)
        folders = {number: output / f"fold_{number}" for number in numbers}
        if not all(is_complete(folders[number]) for number in chosen):
            described = check_cases(run, cases_of[0], metadata)
            require_folds(cases_of, {case: item.held for case, item in described.items()}, metadata.classes)
            recipe = read_recipe(config)
            for number in chosen[1:]:
                try:
                    for sentence in check_split(metadata, recipe, config, cases_of[number], described):
                        say(f"fold {number}: {sentence}")
                except UserError as error:
                    raise UserError(f"fold {number}: {error}") from error
            for sentence in check_training(metadata, config, cases_of[chosen[0]], described, device, memory):
                say(sentence)
        if not is_begun:
            write_plan(plan, output)
        run.log_table("folds", [_row(one, run.case) for one in plan.cases])
        for number in chosen:
            run_fold(
                run,
                source,
                folders[number],
                metadata,
                settings[number],
                data=data,
                cases=cases_of[number],
                device=device,
            )
        metrics = summarise_folds(
            run,
            source,
            metadata,
            folders,
            output,
            keep_test=keep_test,
            patients={case.case: case.patient for case in plan.cases},
        )
    if json_output:
        print_json(metrics)
    else:
        print_folds(metrics, metadata.classes)
        say(f"Every case: {output / 'cases.csv'}; all figures: {output / 'metrics.json'}")
    if metrics["failed"]:
        raise typer.Exit(1)


def _chosen(only: list[int] | None, numbers: range) -> list[int]:
    wrong = [number for number in only or () if number not in numbers]
    if wrong:
        raise UserError(f"--only wants a fold from 0 to {numbers[-1]}, got {wrong[0]}")
    return sorted(set(only)) if only else list(numbers)


def _row(case: "PlannedCase", pseudonym: Callable[[str], str]) -> dict[str, object]:
    return {"case": case.case, "patient": pseudonym(case.patient), "part": case.part, "fold": case.fold}
