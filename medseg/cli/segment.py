import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from medseg.cli.console import print_json, print_table, progress, say
from medseg.cli.label_record import read_record, write_record
from medseg.cli.load_members import load_members
from medseg.cli.model_name import bundle_options
from medseg.cli.options import (
    BundlesOption,
    DeviceOption,
    JsonOption,
    MirrorOption,
    NoLogOption,
    OutputOption,
    OverwriteOption,
    TrustOption,
)
from medseg.cli.uncertainty_files import MAPS, uncertainty_files, write_uncertainty
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
    objects: int | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None
    uncertainty: tuple[str, ...] = ()


def segment(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT...", help="Images, folders of them, DICOM series.")],
    bundle: BundlesOption,
    output: OutputOption,
    overwrite: OverwriteOption = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse images unlike those of the training.")] = False,
    mirror: MirrorOption = False,
    uncertainty: Annotated[
        bool, typer.Option("--uncertainty", help="Write entropy, and disagreement of an ensemble or of mirror images.")
    ] = False,
    device: DeviceOption = "auto",
    trust_bundle: TrustOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Segment images.

    Each label is written as OUTPUT/CASE_seg.*, in the geometry and the format of its image. With --uncertainty
    OUTPUT/CASE_entropy.* goes with it and, where there is more than one prediction, CASE_mutual_information.*, both
    from 0 to 1 (NRRD for a PNG image, which holds no such numbers).
    """
    from medseg.bundle import find_bundle
    from medseg.cli.outputs import make_folder, output_names
    from medseg.io import find_images
    from medseg.runs import open_run

    folders = [find_bundle(item) for item in bundle]
    if output.resolve() in [path.resolve() for path in inputs]:
        raise UserError(f"`{output}` is an input, and its labels would be inputs next time: choose another --output")
    paths = find_images(inputs)
    names = output_names(paths)
    options = {
        "bundle": bundle_options(folders),
        "overwrite": overwrite,
        "strict": strict,
        "mirror": mirror,
        "uncertainty": uncertainty,
        "device": device,
    }
    with open_run("segment", options=options, output_dir=output, enabled=not no_log) as run:
        make_folder(output)
        members = load_members(folders, run, device, trust_bundle, mirror=mirror, uncertainty=uncertainty)
        taken = frozenset(path.resolve() for path in paths)
        choices = _Choices(output, overwrite, strict, mirror, uncertainty, taken, read_record(output))
        results = []
        for path in progress(paths, "segmenting"):
            run.case(names[path])
            result = _segment_one(path, names[path], members, choices)
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
    mirror: bool
    uncertainty: bool
    inputs: frozenset[Path]
    record: dict[str, dict[str, Any]]


def _segment_one(path: Path, name: str, members: "list[LoadedBundle]", choices: _Choices) -> Result:
    from medseg.bundle import departures, predict
    from medseg.bundle.expect import require_fitting_image
    from medseg.io import WRITABLE_SUFFIXES, label_suffix, read_image, sha256_of, write_label
    from medseg.metrics import volume_ml

    digest = None
    classes = members[0].metadata.classes
    try:
        digest = sha256_of(path)
        _require_no_input(path, name, choices)
        for target in (choices.output / f"{name}_seg{suffix}" for suffix in WRITABLE_SUFFIXES):
            if target.exists() and not choices.overwrite:
                return _kept(name, target, digest, members, choices)
        former = uncertainty_files(choices.output, name)
        if former and choices.uncertainty and not choices.overwrite:
            raise UserError(f"`{former[0]}` exists and is kept: pass --overwrite or another --output")
        started = time.perf_counter()
        image = read_image(path)
        try:
            for member in members:
                require_fitting_image(image, member.metadata)
            found = [sentence for member in members for sentence in departures(image, member.metadata)]
            warnings = tuple(dict.fromkeys(found))
            if choices.strict and warnings:
                raise UserError(f"refused by --strict, because {'; '.join(warnings)}")
            for warning in warnings:
                say(f"warning: `{path}`: {warning}")
            prediction = predict(members, image, mirror=choices.mirror, uncertainty=choices.uncertainty)
        except UserError as error:
            raise UserError(f"`{path}`: {error}") from error
        target = choices.output / f"{name}_seg{label_suffix(image)}"
        maps = write_uncertainty(choices.output, name, prediction, image)
        write_label(target, prediction.label, image)
        for stale in former:
            if stale not in maps:
                say(f"warning: `{stale}` belongs to a former label, not to `{target}`")
        has_instances = members[0].metadata.has_instances
        objects = int(prediction.label.max()) if has_instances else None
        volumes = {
            class_name: volume_ml(prediction.label == value, image.spacing)
            for value, class_name in classes.items()
            if prediction.label.ndim == 3 and not has_instances
        }
        choices.record[target.name] = {
            "image_sha256": digest,
            "models": [_model(member) for member in members],
            "mirror": choices.mirror,
            "volumes_ml": volumes,
            "objects": objects,
        }
        write_record(choices.output, choices.record)
    except UserError as error:
        return Result(name, "failed", None, digest, error=str(error))
    seconds = time.perf_counter() - started
    return Result(
        name, "segmented", str(target), digest, seconds, volumes, objects, warnings, None, tuple(map(str, maps))
    )


def _model(bundle: "LoadedBundle") -> dict[str, Any]:
    """What made a label, for the record beside it."""
    return {
        "bundle": bundle.name,
        "version": bundle.metadata.version,
        "weights_sha256": bundle.weights_sha256,
        "temperature": bundle.temperature,
    }


def _require_no_input(path: Path, name: str, choices: _Choices) -> None:
    """Refuse to write over an input.

    Raises:
        UserError: an output of the case ``name`` would be a file that is segmented too.
    """
    from medseg.io import WRITABLE_SUFFIXES

    for kind in ("seg", *(MAPS if choices.uncertainty else ())):
        for target in (choices.output / f"{name}_{kind}{suffix}" for suffix in WRITABLE_SUFFIXES):
            if target.resolve() in choices.inputs:
                what = "label" if kind == "seg" else kind.replace("_", " ")
                raise UserError(f"`{path}`: its {what} would replace the input `{target}`")


def _kept(name: str, target: Path, digest: str, members: "list[LoadedBundle]", choices: _Choices) -> Result:
    """A label that was there already.

    Raises:
        UserError: it is the label of another image, of other weights or made otherwise, or its uncertainty is asked for
            and is not there.
    """
    entry = choices.record.get(target.name, {})
    if entry.get("image_sha256", digest) != digest:
        raise UserError(
            f"`{target}` is the label of another image of the same name: choose another --output, or pass --overwrite"
        )
    models = [_model(member) for member in members]
    if entry.get("models", models) != models or entry.get("mirror", choices.mirror) != choices.mirror:
        raise UserError(
            f"`{target}` was made by another bundle, or with another --mirror: choose another --output, or pass "
            "--overwrite"
        )
    maps = uncertainty_files(choices.output, name) if choices.uncertainty else []
    if choices.uncertainty and not maps:
        raise UserError(
            f"`{target}` exists without its uncertainty: pass --overwrite to make both, or another --output"
        )
    return Result(
        name,
        "kept",
        str(target),
        digest,
        volumes_ml=entry.get("volumes_ml"),
        objects=entry.get("objects"),
        uncertainty=tuple(map(str, maps)),
    )


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
        "objects": result.objects,
        "warnings": len(result.warnings),
    }


def _print(results: list[Result], json_output: bool) -> None:
    if json_output:
        print_json({"results": [asdict(result) for result in results]})
        return
    classes = next((list(result.volumes_ml) for result in results if result.volumes_ml), [])
    counted = ["objects"] if any(result.objects is not None for result in results) else []
    rows = [
        (
            result.case,
            result.status,
            *(result.objects for _ in counted),
            *(result.volumes_ml[name] if result.volumes_ml else None for name in classes),
            result.seconds,
            result.output,
        )
        for result in results
    ]
    print_table(
        "Segmented", ["case", "status", *counted, *(f"{name} (ml)" for name in classes), "seconds", "label"], rows
    )
