from pathlib import Path
from typing import Annotated

import typer

from medseg.cli.console import frame_progress, print_json, print_table, say
from medseg.cli.copy_bundle import copy_bundle
from medseg.cli.model_name import bundle_option, model_name
from medseg.cli.options import DeviceOption, JsonOption, NoLogOption, OutputOption, OverwriteOption, TrustOption
from medseg.errors import UserError


def calibrate_bundle(
    name: Annotated[str, typer.Argument(metavar="BUNDLE", help="Name of a shipped bundle or path of any.")],
    data: Annotated[
        Path,
        typer.Option(
            "--data", help="Folder with imagesTr/ and labelsTr/, or images/ and labels/ of the bundle's cases."
        ),
    ],
    output: OutputOption,
    overwrite: OverwriteOption = False,
    device: DeviceOption = "auto",
    trust_bundle: TrustOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Make the probabilities of a bundle honest: fit a temperature on its validation cases.

    OUTPUT becomes a copy of the bundle with the temperature in its metadata. The test cases are not looked at. Weights
    and configs stay as they are.
    """
    from medseg.bundle import find_bundle, load_bundle, read_manifest, read_metadata
    from medseg.bundle.calibrate import calibrate
    from medseg.bundle.write_section import write_section
    from medseg.cli.outputs import make_folder, require_free_bundle
    from medseg.runs import open_run
    from medseg.training.dataset import find_cases
    from medseg.training.manifest import select_split

    folder = find_bundle(name)
    if not read_metadata(folder).segments:
        raise UserError(f"bundle `{folder.name}` tracks particles and segments nothing: use medseg track --calibrate")
    require_free_bundle(output, folder, overwrite)
    manifest = read_manifest(folder)
    cases = find_cases(data)
    options = {"bundle": bundle_option(folder), "device": device}
    with open_run("bundle calibrate", options=options, output_dir=output, enabled=not no_log) as run:
        for case in cases:
            run.case(case.id)
        cases = select_split(cases, manifest, "validation")
        if len(cases) < (total := len(manifest.of_split("validation"))):
            say(f"warning: only {len(cases)} of the {total} validation cases of the manifest are here")
        make_folder(output)
        loaded = load_bundle(folder, device, trust_bundle)
        run.device = str(loaded.device)
        run.use_model(model_name(folder, run), loaded.metadata.version, loaded.weights_sha256)
        with frame_progress("calibrating") as show:
            found = calibrate(loaded, [(case.image, case.label) for case in cases], "validation", show)
        for case in cases:
            run.add_input(case.image)
            run.add_input(case.label)
        copy_bundle(folder, output)
        write_section(output, found)
        facts = found.model_dump()
        run.log_metrics({key: value for key, value in facts.items() if isinstance(value, int | float)})
    if found.ece_after >= found.ece_before:
        say("warning: the temperature makes the calibration error no smaller on the cases it was fitted on")
    if json_output:
        print_json({"bundle": str(output), "calibration": facts})
    else:
        print_table("Calibrated", ["what", "value"], [*facts.items(), ("bundle", str(output))])
