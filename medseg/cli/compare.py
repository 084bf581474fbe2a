from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count
from typing import Annotated

import typer

from medseg.cli.choose_cases import choose_cases, find_labelled
from medseg.cli.console import print_json, print_table, say
from medseg.cli.model_name import bundle_options, model_name
from medseg.cli.options import (
    TOLERANCE_MM,
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


def compare(
    bundle: Annotated[
        list[str], typer.Argument(metavar="BUNDLE...", help="Two or more, by name or path; others against the first.")
    ],
    output: OutputOption,
    images: ImagesOption = None,
    labels: LabelsOption = None,
    data: DataOption = None,
    split: SplitOption = None,
    groups: GroupsOption = None,
    tolerance: ToleranceOption = TOLERANCE_MM,
    mirror: MirrorOption = False,
    overwrite: OverwriteOption = False,
    device: DeviceOption = "auto",
    trust_bundle: TrustOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Compare bundles on the same labelled images: quality, speed, memory, and whether the differences are real.

    OUTPUT gets comparison.md, the table; comparison.png with the worst cases; comparison.csv, a row for every case,
    bundle and class; and comparison.json, all of it.
    """
    from medseg.bundle import find_bundle
    from medseg.bundle.trust import require_trust
    from medseg.cli.bundle_process import BundleProcess
    from medseg.cli.compare_cases import compare_cases
    from medseg.cli.compare_content import comparison_content
    from medseg.cli.compare_table import NOTE, comparison_table
    from medseg.cli.log_comparison import log_comparison
    from medseg.cli.outputs import make_folder, require_free
    from medseg.cli.read_groups import read_groups
    from medseg.cli.shared_metadata import shared_metadata
    from medseg.cli.write_comparison import FILES, write_comparison
    from medseg.runs import open_run

    folders = [find_bundle(item) for item in bundle]
    metadata = shared_metadata(folders)
    for folder in folders:
        require_trust(folder, trust_bundle)
    cases = find_labelled(images, labels, data)
    group_of = read_groups(groups, [case.id for case in cases]) if groups else None
    require_free(output, FILES, overwrite)
    options = {
        "bundles": bundle_options(folders),
        "split": split,
        "is_grouped": groups is not None,
        "tolerance_mm": tolerance,
        "mirror": mirror,
        "device": device,
    }
    with open_run("compare", options=options, output_dir=output, enabled=not no_log) as run, ExitStack() as stack:
        make_folder(output)
        cases = choose_cases(cases, folders, split)
        names = _unique([folder.name for folder in folders])
        processes = {}
        for name, folder in zip(names, folders, strict=True):
            processes[name] = stack.enter_context(BundleProcess(folder, device, trust_bundle, mirror))
        facts = {name: process.load() for name, process in processes.items()}
        logged = dict(zip(names, _unique([model_name(folder, run) for folder in folders]), strict=True))
        for name, item in facts.items():
            run.use_model(logged[name], item.version, item.weights_sha256)
        run.device = facts[names[0]].device
        comparison = compare_cases(run, processes, cases, metadata, tolerance)
        if comparison.failed:
            run.fail(f"{len(comparison.failed)} of {len(cases)} cases failed")
        if not comparison.cases:
            raise typer.Exit(2)
        settings = {
            "split": split,
            "tolerance_mm": tolerance,
            "mirror": mirror,
            "command": _command(names, split, tolerance, mirror),
        }
        content = comparison_content(comparison, facts, settings, group_of)
        write_comparison(output, content, comparison)
        log_comparison(run, content, comparison, logged)
    if json_output:
        print_json(content)
    else:
        head, *rows = comparison_table(content)
        print_table(f"The same {content['n']} cases", head, rows)
        say(f"{NOTE} Worst cases: {', '.join(content['worst'])}")
        say(
            f"Table: {output / 'comparison.md'}; figure: {output / 'comparison.png'}; all: {output / 'comparison.json'}"
        )
    if comparison.failed:
        raise typer.Exit(1)


def _unique(names: Sequence[str]) -> list[str]:
    """The names, with a number at those that came before."""
    found: list[str] = []
    for name in names:
        numbered = (f"{name}-{number}" for number in count(2))
        found.append(name if name not in found else next(item for item in numbered if item not in (*names, *found)))
    return found


def _command(names: Sequence[str], split: str | None, tolerance: float, mirror: bool) -> str:
    """The command as a card may show it, without the user's paths."""
    options = [
        *(["--split", split] if split else []),
        *(["--tolerance", f"{tolerance:g}"] if tolerance != TOLERANCE_MM else []),
        *(["--mirror"] if mirror else []),
    ]
    return " ".join(["medseg compare", *names, "--data DIR", *options, "--output OUT"])
