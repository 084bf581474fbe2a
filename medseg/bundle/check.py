import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from medseg.bundle.check_segmentation import check_segmentation
from medseg.bundle.check_tracking import check_tracking, not_applicable
from medseg.bundle.finding import Finding, quiet
from medseg.bundle.metadata import read_metadata
from medseg.bundle.trust import is_trusted
from medseg.bundle.weights import find_weights, read_weights
from medseg.errors import UserError, first_line

_MODEL_ZOO_FILES = ("LICENSE", "docs/README.md", "docs/data_license.txt", "configs/logging.conf")
_LARGEST_FILE = 25 * 2**20
_PERSONAL_PATH = re.compile(r"/(?:home|Users|root|mnt)/\w+|[A-Z]:\\\\")


def check_bundle(bundle: Path, trusted_by_user: bool = False) -> list[Finding]:
    """Everything the bundle in folder ``bundle`` lacks to be complete and to run.

    What does not apply to a bundle of its kind is listed too. Metadata, files and weights are read without running
    anything. The configs are run, on made-up data in a temporary folder, only of a bundle that shipped with medseg or
    that the user trusts.
    """
    findings = [*_check_files(bundle)]
    try:
        metadata = read_metadata(bundle)
    except UserError as error:
        return [*findings, Finding("error", str(error))]
    findings += [Finding("warning", f"metadata.json has no {field}") for field in metadata.recommended_but_absent]
    if not metadata.segments:
        findings += not_applicable()
    if not trusted_by_user and not is_trusted(bundle):
        return [*findings, Finding("warning", "the configs were not run: read them, then pass --trust-bundle")]
    with tempfile.TemporaryDirectory() as scratch:
        if metadata.segments:
            findings += check_segmentation(bundle, metadata, Path(scratch))
        else:
            findings += check_tracking(bundle, Path(scratch))
    return list(dict.fromkeys(findings))


def check_official_schema(bundle: Path) -> list[Finding]:
    """What MONAI's own validator says of the metadata; it downloads the schema that the metadata name.

    Where the schema cannot be had (no network, or the package jsonschema is absent) that is a warning.
    """
    from monai.bundle import verify_metadata

    url = read_metadata(bundle).schema_url
    if not url.startswith(("https://", "http://")):
        return [Finding("error", "metadata.json names no schema on the web")]
    with tempfile.TemporaryDirectory() as scratch, quiet():
        try:
            verify_metadata(
                meta_file=str(bundle / "configs" / "metadata.json"), filepath=str(Path(scratch) / "schema.json")
            )
        except (OSError, ImportError, RuntimeError) as error:
            return [Finding("warning", f"not checked against the official schema: {first_line(error)}")]
        except ValueError as error:
            return [Finding("error", f"metadata.json breaks the official schema: {first_line(error)}")]
    return []


def _check_files(bundle: Path) -> Iterator[Finding]:
    for name in _MODEL_ZOO_FILES:
        if not (bundle / name).is_file():
            yield Finding("warning", f"{name} is absent")
    try:
        read_weights(find_weights(bundle))
    except UserError as error:
        yield Finding("error", str(error))
    weights = list((bundle / "models").glob("*.pt"))
    if len(weights) > 1:
        yield Finding("warning", "models/ holds several .pt files, and MONAI Label serves the one of the shortest name")
    for path in sorted(bundle.rglob("*")):
        name = path.relative_to(bundle).as_posix()
        if path.is_symlink():
            yield Finding("error", f"{name} is a link; a bundle holds plain files only")
        elif not path.is_file():
            if not path.is_dir():
                yield Finding("error", f"{name} is neither a file nor a folder")
        elif path.stat().st_size > _LARGEST_FILE:
            yield Finding("warning", f"{name} has {path.stat().st_size / 2**20:.0f} MiB, the model zoo's limit is 25")
        elif path.suffix in (".json", ".yaml", ".yml", ".md") and _PERSONAL_PATH.search(
            path.read_text(errors="replace")
        ):
            yield Finding("warning", f"{name} holds a personal path")
