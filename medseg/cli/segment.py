import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from medseg.cli.console import print_json, print_table, progress, say
from medseg.cli.label_record import read_record, write_record
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
    from medseg.bundle import LoadedBundle


@dataclass(frozen=True)
class Result:
    """What became of one input."""

    case: str
    status: Literal["segmented", "kept", "failed"]
    output: str | None
    image_sha256: str | None = None
    seconds: float | None = None
    volumes_ml: dict[str, float] | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None


def segment(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT...", help="Images, folders of them, DICOM series.")],
    bundle: BundleOption,
    output: OutputOption,
    overwrite: OverwriteOption = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse images unlike those of the training.")] = False,
    device: DeviceOption = "auto",
    trust_bundle: TrustOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Segment images.

    Each label is written as OUTPUT/CASE_seg.*, in the geometry and the format of its image.
    """
    from medseg.bundle import find_bundle, load_bundle
    from medseg.cli.outputs import make_folder, output_names
    from medseg.io import find_images
    from medseg.runs import open_run

    folder = find_bundle(bundle)
    if output.resolve() in [path.resolve() for path in inputs]:
        raise UserError(f"`{output}` is an input, and its labels would be inputs next time: choose another --output")
    paths = find_images(inputs)
    names = output_names(paths)
    options = {"bundle": bundle_option(folder), "overwrite": overwrite, "strict": strict, "device": device}
    with open_run("segment", options=options, output_dir=output, enabled=not no_log) as run:
        make_folder(output)
        loaded = load_bundle(folder, device, trust_bundle)
        run.device = str(loaded.device)
        run.use_model(model_name(folder, run), loaded.metadata.version, loaded.weights_sha256)
        choices = _Choices(output, overwrite, strict, frozenset(paths), read_record(output))
        results = []
        for path in progress(paths, "segmenting"):
            run.case(names[path])
            result = _segment_one(path, names[path], loaded, choices)
            if result.error is not None:
                say(f"medseg: {result.error}")
            elif result.status == "segmented":
                run.add_input(path, result.image_sha256)
            results.append(result)
        failed = sum(result.status == "failed" for result in results)
        run.log_metrics(_metrics(results))
        run.log_table("cases", [_logged(result) for result in results])
        if failed:
            run.fail(f"{failed} of {len(results)} inputs failed")
    _print(results, json_output)
    if failed:
        raise typer.Exit(1 if failed < len(results) else 2)


@dataclass(frozen=True)
class _Choices:
    """What holds for all inputs of a command."""

    output: Path
    overwrite: bool
    strict: bool
    inputs: frozenset[Path]
    record: dict[str, dict[str, Any]]


def _segment_one(path: Path, name: str, bundle: "LoadedBundle", choices: _Choices) -> Result:
    from medseg.bundle import departures
    from medseg.bundle import segment as segment_image
    from medseg.bundle.expect import require_fitting_image
    from medseg.io import WRITABLE_SUFFIXES, label_suffix, read_image, sha256_of, write_label
    from medseg.metrics import volume_ml

    digest = None
    inputs = {item.resolve() for item in choices.inputs}
    try:
        digest = sha256_of(path)
        for target in (choices.output / f"{name}_seg{suffix}" for suffix in WRITABLE_SUFFIXES):
            if target.resolve() in inputs:
                raise UserError(f"`{path}`: its label would replace the input `{target}`")
            if target.exists() and not choices.overwrite:
                return _kept(name, target, digest, choices.record)
        started = time.perf_counter()
        image = read_image(path)
        try:
            require_fitting_image(image, bundle.metadata)
            warnings = tuple(departures(image, bundle.metadata))
            if choices.strict and warnings:
                raise UserError(f"refused by --strict, because {'; '.join(warnings)}")
            for warning in warnings:
                say(f"warning: `{path}`: {warning}")
            label = segment_image(bundle, image)
        except UserError as error:
            raise UserError(f"`{path}`: {error}") from error
        target = choices.output / f"{name}_seg{label_suffix(image)}"
        write_label(target, label, image)
        volumes = {
            class_name: volume_ml(label == value, image.spacing)
            for value, class_name in bundle.metadata.classes.items()
            if label.ndim == 3
        }
        choices.record[target.name] = {
            "image_sha256": digest,
            "bundle": bundle.name,
            "version": bundle.metadata.version,
            "weights_sha256": bundle.weights_sha256,
            "volumes_ml": volumes,
        }
        write_record(choices.output, choices.record)
    except UserError as error:
        return Result(name, "failed", None, digest, error=str(error))
    return Result(name, "segmented", str(target), digest, time.perf_counter() - started, volumes, warnings)


def _kept(name: str, target: Path, digest: str, record: dict[str, dict[str, Any]]) -> Result:
    """A label that was there already.

    Raises:
        UserError: it is the label of another image.
    """
    entry = record.get(target.name, {})
    if entry.get("image_sha256", digest) != digest:
        raise UserError(
            f"`{target}` is the label of another image of the same name: choose another --output, or pass --overwrite"
        )
    return Result(name, "kept", str(target), digest, volumes_ml=entry.get("volumes_ml"))


def _metrics(results: list[Result]) -> dict[str, float]:
    seconds = [result.seconds for result in results if result.seconds is not None]
    counts = {status: sum(result.status == status for result in results) for status in ("segmented", "kept", "failed")}
    return {**counts, **({"seconds_per_image": sum(seconds) / len(seconds)} if seconds else {})}


def _logged(result: Result) -> dict[str, object]:
    """The row of the run's table; an error names files, so only its being there is told."""
    return {
        "case": result.case,
        "status": result.status,
        "seconds": result.seconds,
        "volumes_ml": result.volumes_ml,
        "warnings": len(result.warnings),
    }


def _print(results: list[Result], json_output: bool) -> None:
    if json_output:
        print_json({"results": [asdict(result) for result in results]})
        return
    classes = next((list(result.volumes_ml) for result in results if result.volumes_ml), [])
    rows = [
        (
            result.case,
            result.status,
            *(result.volumes_ml[name] if result.volumes_ml else None for name in classes),
            result.seconds,
            result.output,
        )
        for result in results
    ]
    print_table("Segmented", ["case", "status", *(f"{name} (ml)" for name in classes), "seconds", "label"], rows)
