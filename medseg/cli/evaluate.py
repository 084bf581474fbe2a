import typer

from medseg.cli.choose_cases import choose_cases, find_labelled
from medseg.cli.console import print_json, say
from medseg.cli.load_members import load_members
from medseg.cli.model_name import bundle_options
from medseg.cli.options import (
    TOLERANCE_MM,
    BundlesOption,
    DataOption,
    DeviceOption,
    GroupsOption,
    ImagesOption,
    JsonOption,
    LabelsOption,
    MirrorOption,
    NoLogOption,
    OutputOption,
    OverwriteOption,
    SplitOption,
    ToleranceOption,
    TrustOption,
)
from medseg.cli.print_scores import print_scores
from medseg.cli.score_bundle import score_bundle
from medseg.errors import UserError


def evaluate(
    bundle: BundlesOption,
    output: OutputOption,
    images: ImagesOption = None,
    labels: LabelsOption = None,
    data: DataOption = None,
    split: SplitOption = None,
    tolerance: ToleranceOption = TOLERANCE_MM,
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
    cases = find_labelled(images, labels, data)
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
        cases = choose_cases(cases, folders, split)
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
