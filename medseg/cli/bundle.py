from typing import TYPE_CHECKING, Annotated

import typer

from medseg.cli.bundle_export import export_bundle
from medseg.cli.bundle_import import import_bundle
from medseg.cli.calibrate_bundle import calibrate_bundle
from medseg.cli.console import print_json, print_table
from medseg.cli.options import JsonOption, NoLogOption, TrustOption
from medseg.cli.postprocess_bundle import postprocess_bundle

if TYPE_CHECKING:
    from medseg.bundle import BundleMetadata

bundle_app = typer.Typer(
    help="List, show, check, calibrate, post-process, export and import MONAI bundles.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
NameArgument = Annotated[str, typer.Argument(metavar="BUNDLE", help="Name of a shipped bundle or path of any.")]

bundle_app.command("calibrate")(calibrate_bundle)
bundle_app.command("export")(export_bundle)
bundle_app.command("import")(import_bundle)
bundle_app.command("postprocess")(postprocess_bundle)


@bundle_app.command("list")
def list_bundles(json_output: JsonOption = False) -> None:
    """List the bundles that ship with medseg."""
    from medseg.bundle import read_metadata, shipped_bundles

    rows = []
    for name, path in shipped_bundles().items():
        metadata = read_metadata(path)
        row = {"name": name, "version": metadata.version, "measured": _measured(metadata), "task": metadata.task}
        rows.append(row)
    if json_output:
        print_json({"bundles": rows})
    else:
        print_table("Bundles", ["name", "version", "measured", "task"], [tuple(row.values()) for row in rows])


@bundle_app.command()
def show(name: NameArgument, json_output: JsonOption = False) -> None:
    """Show what a bundle takes and gives, what it was measured at, and its licence."""
    from medseg.bundle import find_bundle, read_metadata
    from medseg.bundle.weights import find_weights
    from medseg.io import sha256_of

    bundle = find_bundle(name)
    metadata = read_metadata(bundle)
    expected = metadata.expected_input
    facts: dict[str, object] = {
        "name": bundle.name,
        "version": metadata.version,
        "kind": metadata.medseg_kind,
        "task": metadata.task,
        "description": metadata.description,
        "classes": {str(value): class_name for value, class_name in metadata.classes.items()} or None,
        "expects": None if expected is None else expected.model_dump(),
        "measures": metadata.eval_metrics,
        "temperature": metadata.calibration.temperature if metadata.calibration else None,
        "postprocessing": _postprocessing(metadata),
        "intended_use": metadata.intended_use,
        "copyright": metadata.copyright,
        "weights_sha256": sha256_of(find_weights(bundle)),
        "folder": str(bundle),
    }
    if json_output:
        print_json(facts)
    else:
        print_table(bundle.name, ["what", "value"], [(key, _text(value)) for key, value in facts.items()])


@bundle_app.command()
def check(
    name: NameArgument,
    official: Annotated[
        bool, typer.Option("--official", help="Ask MONAI's validator too; it needs a network.")
    ] = False,
    trust_bundle: TrustOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Say what a bundle lacks to be complete and to run; exit code 1 if it does not run.

    What is asked only of bundles of another kind is shown as not applicable.
    """
    from medseg.bundle import find_bundle
    from medseg.bundle.check import check_bundle, check_official_schema
    from medseg.cli.model_name import bundle_option
    from medseg.runs import open_run

    bundle = find_bundle(name)
    options = {"bundle": bundle_option(bundle), "official": official}
    with open_run("bundle check", options=options, output_dir=None, enabled=not no_log) as run:
        findings = check_bundle(bundle, trust_bundle)
        if official:
            findings += check_official_schema(bundle)
        broken, incomplete = (sum(finding.level == level for finding in findings) for level in ("error", "warning"))
        run.log_metrics({"errors": broken, "warnings": incomplete})
    if json_output:
        print_json({"ok": broken == 0, "findings": [vars(finding) for finding in findings]})
    else:
        if findings:
            print_table(name, ["level", "finding"], [(finding.level, finding.message) for finding in findings])
        if not broken and not incomplete:
            typer.echo(f"{name}: complete, and it runs")
    if broken:
        raise typer.Exit(1)


def _postprocessing(metadata: "BundleMetadata") -> dict[str, str] | None:
    """The classes that each option of post-processing is applied to."""
    section = metadata.postprocessing
    if section is None:
        return None
    chosen = {"largest_component": section.largest_component, "fill_holes": section.fill_holes}
    return {
        option: ", ".join(metadata.classes.get(value, str(value)) for value in values)
        for option, values in chosen.items()
        if values
    }


def _text(value: object) -> str | None:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items() if item is not None)
    return None if value is None else str(value)


def _measured(metadata: "BundleMetadata") -> str | None:
    """What a bundle reached on cases held out, in a few words."""
    found = metadata.eval_metrics or {}
    if "ap50_mean" in found:
        return f"AP at IoU .5 {found['ap50_mean']:.3f}"
    dice = [f"{found[f'{name}_dice_mean']:.3f}" for name in metadata.classes.values() if f"{name}_dice_mean" in found]
    return f"Dice {', '.join(dice)}" if dice else None
