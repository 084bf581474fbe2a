import contextlib
import io
import logging
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from medseg.bundle.load import inference_config, load_bundle
from medseg.bundle.metadata import BundleMetadata, read_metadata
from medseg.bundle.trust import is_trusted
from medseg.bundle.weights import find_weights, read_weights
from medseg.errors import UserError, first_line
from medseg.io import Image, write_image, write_label

_MODEL_ZOO_FILES = ("LICENSE", "docs/README.md", "docs/data_license.txt", "configs/logging.conf")
_LARGEST_FILE = 25 * 2**20
_PERSONAL_PATH = re.compile(r"/(?:home|Users|root|mnt)/\w+|[A-Z]:\\\\")


@dataclass(frozen=True)
class Finding:
    """One thing a bundle lacks: an ``error`` keeps it from working, a ``warning`` from being complete."""

    level: Literal["error", "warning"]
    message: str


def check_bundle(bundle: Path, trusted_by_user: bool = False) -> list[Finding]:
    """Everything the bundle in folder ``bundle`` lacks to be complete and to run; empty where it is whole.

    Metadata, files and weights are read without running anything. The configs are run, on made-up images in a temporary
    folder, only of a bundle that shipped with medseg or that the user trusts.
    """
    findings = [*_check_files(bundle)]
    try:
        metadata = read_metadata(bundle)
    except UserError as error:
        return [*findings, Finding("error", str(error))]
    findings += [Finding("warning", f"metadata.json has no {field}") for field in metadata.recommended_but_absent]
    if not trusted_by_user and not is_trusted(bundle):
        return [*findings, Finding("warning", "the configs were not run: read them, then pass --trust-bundle")]
    with tempfile.TemporaryDirectory() as scratch:
        data = _made_up_data(Path(scratch), metadata)
        for check in (_check_segmenting, _check_inference_properties, _check_train_properties, _check_network):
            findings += _tried(check, bundle, data)
    return findings


def check_official_schema(bundle: Path) -> list[Finding]:
    """What MONAI's own validator says of the metadata; it downloads the schema that the metadata name.

    Where the schema cannot be had (no network, or the package jsonschema is absent) that is a warning.
    """
    from monai.bundle import verify_metadata

    url = read_metadata(bundle).schema_url
    if not url.startswith(("https://", "http://")):
        return [Finding("error", "metadata.json names no schema on the web")]
    with tempfile.TemporaryDirectory() as scratch, _quiet():
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


def _tried(check: Callable[[Path, Path], None], bundle: Path, data: Path) -> list[Finding]:
    """What ``check`` complains of."""
    with _quiet():
        try:
            check(bundle, data)
        except Exception as error:  # a stranger's config can fail in as many ways as there is code in it
            return [Finding("error", first_line(error))]
    return []


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep MONAI's chatter from the terminal."""
    chatter = io.StringIO()
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(chatter), contextlib.redirect_stderr(chatter), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def _check_segmenting(bundle: Path, data: Path) -> None:
    from medseg.bundle.segment import segment
    from medseg.io import find_images, read_image

    segment(load_bundle(bundle, "cpu", trusted_by_user=True), read_image(find_images([data / "imagesTr"])[0]))


def _check_inference_properties(bundle: Path, data: Path) -> None:
    _require_properties(inference_config(bundle), "infer", bundle, data / "imagesTr")


def _check_train_properties(bundle: Path, data: Path) -> None:
    config = inference_config(bundle).with_stem("train")
    if config.is_file():
        _require_properties(config, "train", bundle, data)


def _require_properties(config: Path, workflow_type: str, bundle: Path, data: Path) -> None:
    from monai.bundle import ConfigWorkflow

    workflow = ConfigWorkflow(
        str(config),
        workflow_type=workflow_type,
        logging_file=False,
        bundle_root=str(bundle),
        dataset_dir=str(data),
    )
    workflow.initialize()
    missing = workflow.check_properties()
    if missing:
        raise UserError(f"{config.name} lacks MONAI's properties {', '.join(missing)}")


def _check_network(bundle: Path, data: Path) -> None:
    from monai.bundle import verify_net_in_out

    verify_net_in_out(
        net_id="network_def",
        meta_file=str(bundle / "configs" / "metadata.json"),
        config_file=str(inference_config(bundle)),
        device="cpu",
    )


def _made_up_data(folder: Path, metadata: BundleMetadata) -> Path:
    """Eight cases of noise in the decathlon's layout, of the shape the network expects."""
    random = np.random.default_rng(0)
    shape = tuple(size if isinstance(size, int) else 64 for size in metadata.image.spatial_shape)
    suffix = ".nii.gz" if len(shape) == 3 else ".tif"
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir()
    for number in range(8):
        noise = random.normal(size=(metadata.image.num_channels, *shape)).astype(np.float32)
        image = Image(data=noise, affine=np.eye(len(shape) + 1), suffix=suffix)
        write_image(folder / "imagesTr" / f"case_{number}{suffix}", image)
        label = random.integers(0, len(metadata.classes) + 1, size=shape)
        write_label(folder / "labelsTr" / f"case_{number}{suffix}", label, image)
    return folder
