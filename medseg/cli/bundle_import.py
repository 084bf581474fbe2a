from pathlib import Path
from typing import Annotated

import typer

from medseg.cli.console import print_json, say
from medseg.cli.options import JsonOption, NoLogOption, OverwriteOption


def import_bundle(
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="A ZIP archive of medseg or of the model zoo.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The bundle's new folder.")],
    overwrite: OverwriteOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Unpack a bundle from a ZIP archive, check it against its checksums, and say whether it is trusted.

    Nothing of it is run. An archive that is damaged or hostile leaves nothing behind.
    """
    from medseg.bundle.import_archive import import_archive
    from medseg.bundle.trust import is_trusted
    from medseg.runs import open_run

    with open_run("bundle import", options={"overwrite": overwrite}, output_dir=None, enabled=not no_log) as run:
        imported = import_archive(archive, output, overwrite)
        run.add_input(archive)
        trusted = is_trusted(output)
        run.log_metrics({"files": imported.files, "verified": imported.is_verified, "trusted": trusted})
    version, facts = imported.metadata.version, {"verified": imported.is_verified, "trusted": trusted}
    if json_output:
        print_json({"bundle": str(output), "version": version, "files": imported.files, **facts})
        return
    checked = "as their checksums say" if imported.is_verified else "without checksums to compare them with"
    say(f"Version {version}, {imported.files} files, {checked}: {output}")
    if trusted:
        say("Its configs are those of a bundle that ships with medseg, so it runs as it is.")
    else:
        say("Its configs can run any code and did not ship with medseg: read them, then pass --trust-bundle.")
