from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from medseg.cli.console import print_json, say
from medseg.cli.load_members import load_members
from medseg.cli.model_name import bundle_options
from medseg.cli.options import (
    BundlesOption,
    DeviceOption,
    GroupsOption,
    JsonOption,
    MirrorOption,
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
    bundle: BundlesOption,
    output: OutputOption,
    images: Annotated[Path | None, typer.Option("--images", help="Folder of images.")] = None,
    labels: Annotated[Path | None, typer.Option("--labels", help="Folder of labels of the same names.")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder with imagesTr/ and labelsTr/ instead.")] = None,
    split: Annotated[
        Literal["train", "validation", "test", "unseen"] | None,
        typer.Option(
            "--split",
            help="Only cases that the manifest of every bundle puts here, known by their bytes; unseen: all that no "
            "bundle trained on or was chosen by.",
        ),
    ] = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0.0, help="Of the surface Dice (NSD), in mm.")
    ] = TOLERANCE_MM,
    groups: GroupsOption = None,
    mirror: MirrorOption = False,
    overwrite: OverwriteOption = False,
    device: DeviceOption = "auto",
    trust_bundle: TrustOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Score a bundle or an ensemble on labelled images, or a particle tracker on simulated movies.

    OUTPUT gets metrics.json, and for labelled images cases.csv and the figures dice.png and reliability.png.
    """
    from medseg.bundle import find_bundle, read_metadata
    from medseg.cli.evaluate_tracker import evaluate_tracker, require_no_cases
    from medseg.cli.outputs import make_folder
    from medseg.cli.read_groups import read_groups
    from medseg.runs import open_run

    folders = [find_bundle(item) for item in bundle]
    folder = folders[0]
    if not read_metadata(folder).segments and len(folders) == 1:
        require_no_cases(folder, device, images, labels, data, split)
        if mirror:
            raise UserError(f"bundle `{folder.name}` tracks particles and sees no images: leave out --mirror")
        evaluate_tracker(
            folder, output, overwrite=overwrite, trust_bundle=trust_bundle, no_log=no_log, json_output=json_output
        )
        return
    cases = _find_cases(images, labels, data)
    group_of = read_groups(groups, [case.id for case in cases]) if groups else None
    if (output / "metrics.json").exists() and not overwrite:
        raise UserError(f"`{output / 'metrics.json'}` exists and is kept: pass --overwrite or another --output")
    options = {
        "bundle": bundle_options(folders),
        "split": split,
        "tolerance_mm": tolerance,
        "mirror": mirror,
        "is_grouped": groups is not None,
        "device": device,
    }
    with open_run("evaluate", options=options, output_dir=output, enabled=not no_log) as run:
        make_folder(output)
        members = load_members(folders, run, device, trust_bundle, mirror=mirror)
        cases = _choose(cases, folders, split)
        metrics = score_bundle(
            run, members, cases, output, split=split, tolerance=tolerance, mirror=mirror, groups=group_of
        )
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


def _choose(cases: "list[Case]", bundles: Sequence[Path], split: str | None) -> "list[Case]":
    """The cases that are of ``split`` for every bundle; without one all, with a warning where any bundle saw some."""
    from medseg.bundle import read_manifest
    from medseg.training.manifest import select_split, unseen_cases

    if split is None:
        if (seen := len(cases) - len(unseen_cases(cases, bundles))) > 0:
            say(f"warning: the weights were made with {seen} of these {len(cases)} cases: pass --split test or unseen")
        return cases
    manifests = [read_manifest(bundle) for bundle in bundles]
    if split == "unseen":
        if unseen := unseen_cases(cases, bundles):
            return unseen
        raise UserError(f"the bundles were trained on or chosen by each of these {len(cases)} cases")
    wanted: list[set[str]] = []
    for manifest in manifests:
        cases = select_split(cases, manifest, split)
        wanted.append(set(manifest.of_split(split)))
    if len(cases) < (total := len(set.intersection(*wanted))):
        say(f"warning: only {len(cases)} of the {total} {split} cases of the manifest are here")
    return cases
