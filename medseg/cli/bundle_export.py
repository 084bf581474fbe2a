from pathlib import Path
from typing import Annotated

import typer

from medseg.cli.console import print_json, say
from medseg.cli.options import JsonOption, NoLogOption, OverwriteOption
from medseg.errors import UserError


def export_bundle(
    name: Annotated[str, typer.Argument(metavar="BUNDLE", help="Name of a shipped bundle or path of any.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The ZIP archive to write.")],
    overwrite: OverwriteOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Write a bundle into a ZIP archive that runs wherever MONAI and the medseg wheel are.

    The state of its training, records of runs and caches stay behind. One bundle always gives the same bytes.
    """
    from medseg.bundle import find_bundle, read_metadata
    from medseg.bundle.export_archive import export_archive
    from medseg.bundle.weights import find_weights
    from medseg.cli.model_name import bundle_option, model_name
    from medseg.cli.outputs import make_folder
    from medseg.io import sha256_of
    from medseg.runs import open_run

    bundle = find_bundle(name)
    if output.suffix.lower() != ".zip":
        raise UserError(f"--output must end in .zip, got `{output}`")
    if output.exists() and not overwrite:
        raise UserError(f"`{output}` exists and is kept: pass --overwrite or another --output")
    with open_run(
        "bundle export", options={"bundle": bundle_option(bundle)}, output_dir=None, enabled=not no_log
    ) as run:
        make_folder(output.absolute().parent)
        exported = export_archive(bundle, output)
        run.use_model(model_name(bundle, run), read_metadata(bundle).version, sha256_of(find_weights(bundle)))
        size = output.stat().st_size
        run.log_metrics({"files": exported.files, "bytes": size})
    if json_output:
        facts = {"files": exported.files, "left_out": exported.left_out}
        print_json({"archive": str(output), "bytes": size, "sha256": sha256_of(output), **facts})
        return
    if exported.left_out:
        say(f"Left out: {', '.join(exported.left_out)}")
    say(f"{exported.files} files, {size / 2**20:.1f} MiB: {output}")
