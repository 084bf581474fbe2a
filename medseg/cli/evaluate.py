import csv
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from medseg.cli.console import print_json, print_table, progress, say
from medseg.cli.model_name import bundle_option, model_name
from medseg.cli.options import (
    BundleOption,
    DeviceOption,
    JsonOption,
    NoLogOption,
    OutputOption,
    OverwriteOption,
    TrustOption,
)
from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.metrics import ClassScore, ClassSummary
    from medseg.runs import Run
    from medseg.training.dataset import Case

Scores = dict[str, dict[str, "ClassScore"]]


def evaluate(
    bundle: BundleOption,
    output: OutputOption,
    images: Annotated[Path | None, typer.Option("--images", help="Folder of images.")] = None,
    labels: Annotated[Path | None, typer.Option("--labels", help="Folder of labels of the same names.")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder with imagesTr/ and labelsTr/ instead.")] = None,
    split: Annotated[
        Literal["train", "validation", "test"] | None,
        typer.Option("--split", help="Only the cases that the bundle's manifest puts here, known by their bytes."),
    ] = None,
    tolerance: Annotated[float, typer.Option("--tolerance", min=0.0, help="Of the surface Dice (NSD), in mm.")] = 1.0,
    overwrite: OverwriteOption = False,
    device: DeviceOption = "auto",
    trust_bundle: TrustOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Score a bundle on labelled images, or a particle tracker on simulated movies.

    OUTPUT gets metrics.json, and for labelled images cases.csv and the figure dice.png.
    """
    from medseg.bundle import find_bundle, load_bundle, read_metadata
    from medseg.bundle.evaluate import score_files
    from medseg.cli.evaluate_tracker import evaluate_tracker, require_no_cases
    from medseg.cli.outputs import make_folder
    from medseg.metrics import summarise
    from medseg.runs import open_run

    folder = find_bundle(bundle)
    if not read_metadata(folder).segments:
        require_no_cases(folder, device, images, labels, data, split)
        evaluate_tracker(
            folder, output, overwrite=overwrite, trust_bundle=trust_bundle, no_log=no_log, json_output=json_output
        )
        return
    cases = _find_cases(images, labels, data)
    if (output / "metrics.json").exists() and not overwrite:
        raise UserError(f"`{output / 'metrics.json'}` exists and is kept: pass --overwrite or another --output")
    options = {"bundle": bundle_option(folder), "split": split, "tolerance_mm": tolerance, "device": device}
    with open_run("evaluate", options=options, output_dir=output, enabled=not no_log) as run:
        make_folder(output)
        loaded = load_bundle(folder, device, trust_bundle)
        run.device = str(loaded.device)
        run.use_model(model_name(folder, run), loaded.metadata.version, loaded.weights_sha256)
        cases = _choose(cases, folder, split)
        scores: Scores = {}
        for case in progress(cases, "evaluating"):
            run.case(case.id)
            try:
                scores[case.id] = score_files(loaded, case.image, case.label, tolerance)
                run.add_input(case.image)
                run.add_input(case.label)
            except UserError as error:
                say(f"medseg: {error}")
        failed = len(cases) - len(scores)
        if failed:
            run.fail(f"{failed} of {len(cases)} cases failed")
        if not scores:
            raise typer.Exit(2)
        summary = summarise(list(scores.values()))
        metrics = {
            "bundle": {
                "name": loaded.name,
                "version": loaded.metadata.version,
                "weights_sha256": loaded.weights_sha256,
            },
            "split": split,
            "tolerance_mm": tolerance,
            "failed": failed,
            "summary": {name: item.to_dict() for name, item in summary.items()},
            "cases": [
                {"case": case, **{name: asdict(score) for name, score in row.items()}} for case, row in scores.items()
            ],
        }
        _write(output, metrics, scores)
        _log(run, output, metrics)
    if json_output:
        print_json(metrics)
    else:
        _print(summary, scores, tolerance)
        say(f"Every case: {output / 'cases.csv'}; all figures: {output / 'metrics.json'}")
    if failed:
        raise typer.Exit(1)


def _find_cases(images: Path | None, labels: Path | None, data: Path | None) -> "list[Case]":
    from medseg.training.dataset import find_cases, pair_cases

    if data is not None and images is None and labels is None:
        return find_cases(data)
    if data is None and images is not None and labels is not None:
        return pair_cases(images, labels)
    raise UserError("give --images and --labels, or --data alone")


def _choose(cases: "list[Case]", bundle: Path, split: str | None) -> "list[Case]":
    """The cases of ``split``; without one all of them, with a warning where the weights have seen some."""
    from medseg.bundle import read_manifest
    from medseg.training.manifest import count_seen, select_split

    if split is None:
        if (seen := count_seen(cases, bundle)) > 0:
            say(f"warning: the weights were made with {seen} of these {len(cases)} cases: pass --split test")
        return cases
    manifest = read_manifest(bundle)
    chosen = select_split(cases, manifest, split)
    if len(chosen) < (total := len(manifest.of_split(split))):
        say(f"warning: only {len(chosen)} of the {total} {split} cases of the manifest are here")
    return chosen


def _write(output: Path, metrics: dict[str, Any], scores: Scores) -> None:
    from medseg.cli.dice_figure import save_dice_figure
    from medseg.io.atomic import atomic_path

    with atomic_path(output / "metrics.json") as partial:
        partial.write_text(json.dumps(metrics, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    with (
        atomic_path(output / "cases.csv") as partial,
        partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        rows = [
            {"case": case, "class": name, **asdict(score)}
            for case, row in scores.items()
            for name, score in row.items()
        ]
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with atomic_path(output / "dice.png") as partial:
        save_dice_figure(partial, scores)


def _log(run: "Run", output: Path, metrics: dict[str, Any]) -> None:
    run.log_metrics(
        {
            f"{name}_{measure}": float(value)
            for name, item in metrics["summary"].items()
            for measure, value in item.items()
            if isinstance(value, int | float)
        }
    )
    run.log_table("cases", metrics["cases"])
    run.log_figure(output / "dice.png")


def _print(summary: "dict[str, ClassSummary]", scores: Scores, tolerance: float) -> None:
    worst = sorted(scores, key=lambda case: min(score.dice or 0.0 for score in scores[case].values()))[:3]
    print_table(
        "Worst cases (Dice)",
        ["case", *summary],
        [(case, *(item.dice for item in scores[case].values())) for case in worst],
    )
    measures: dict[str, Callable[[ClassSummary], object]] = {
        "n": lambda item: item.n,
        "Dice, mean ± SD": lambda item: f"{_three(item.dice_mean)} ± {_three(item.dice_std)}",
        "Dice, 95 % interval of the mean": lambda item: " to ".join(map(_three, item.dice_ci95 or ())) or None,
        "HD95, mean (mm)": lambda item: item.hd95_mean,
        f"NSD at {tolerance:g} mm, mean": lambda item: item.nsd_mean,
        "volume error, mean (ml)": lambda item: item.volume_error_ml_mean,
        "missed": lambda item: item.missed,
        "spurious": lambda item: item.spurious,
    }
    rows = [(name, *(measure(item) for item in summary.values())) for name, measure in measures.items()]
    print_table("Summary", ["measure", *summary], rows)


def _three(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
