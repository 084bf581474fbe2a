from pathlib import Path
from typing import Annotated

import typer

from medseg.cli.console import print_json, say
from medseg.cli.copy_bundle import copy_bundle
from medseg.cli.crossval_evidence import crossval_evidence
from medseg.cli.model_name import bundle_option, model_name
from medseg.cli.options import JsonOption, NoLogOption, OutputOption, OverwriteOption
from medseg.cli.print_postprocessing import print_postprocessing
from medseg.errors import UserError


def postprocess_bundle(
    name: Annotated[str, typer.Argument(metavar="BUNDLE", help="Name of a shipped bundle or path of any.")],
    crossval: Annotated[Path, typer.Option("--crossval", help="Folder of a finished medseg crossval of the bundle.")],
    output: OutputOption,
    overwrite: OverwriteOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Give a bundle the post-processing that a cross-validation showed to gain.

    OUTPUT becomes a copy of the bundle with the options kept, and the evidence for and against each, in its metadata.
    If no option showed a gain, nothing is written.
    """
    from medseg.bundle import find_bundle, read_metadata
    from medseg.bundle.weights import find_weights
    from medseg.bundle.write_section import write_section
    from medseg.cli.outputs import make_folder, require_free_bundle
    from medseg.io import sha256_of
    from medseg.runs import open_run

    folder = find_bundle(name)
    metadata = read_metadata(folder)
    if not metadata.segments or metadata.has_instances:
        raise UserError(f"bundle `{folder.name}` gives no labels of classes, which post-processing is for")
    require_free_bundle(output, folder, overwrite)
    section = crossval_evidence(crossval, folder, metadata)
    is_kept = bool(section.largest_component or section.fill_holes)
    if is_kept:
        weights = find_weights(folder)
        options = {"bundle": bundle_option(folder), "crossval": crossval}
        with open_run("bundle postprocess", options=options, output_dir=output, enabled=not no_log) as run:
            run.add_input(crossval / "metrics.json")
            make_folder(output)
            copy_bundle(folder, output)
            write_section(output, section)
            run.use_model(model_name(folder, run), metadata.version, sha256_of(weights))
            run.log_table("postprocessing", [item.model_dump() for item in section.evidence])
    if json_output:
        print_json({"bundle": str(output) if is_kept else None, "postprocessing": section.model_dump()})
    else:
        print_postprocessing(section, metadata.classes)
        say(f"Bundle: {output}" if is_kept else "No option showed a gain; the bundle stays as it is.")
