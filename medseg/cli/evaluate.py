from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from medseg.cli.console import print_json, say
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
from medseg.cli.print_scores import print_scores
from medseg.cli.score_bundle import TOLERANCE_MM, score_bundle
from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.training.dataset import Case


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
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0.0, help="Of the surface Dice (NSD), in mm.")
    ] = TOLERANCE_MM,
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
    from medseg.cli.evaluate_tracker import evaluate_tracker, require_no_cases
    from medseg.cli.outputs import make_folder
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
        metrics = score_bundle(run, loaded, cases, output, split=split, tolerance=tolerance)
    if json_output:
        print_json(metrics)
    else:
        print_scores(metrics)
        say(f"Every case: {output / 'cases.csv'}; all figures: {output / 'metrics.json'}")
    if metrics["failed"]:
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
