import hashlib
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from medseg.bundle.archive_checksums import CHECKSUMS, format_checksums
from medseg.bundle.archive_names import require_plain_names
from medseg.bundle.metadata import read_metadata
from medseg.bundle.weights import find_weights, read_weights
from medseg.errors import UserError
from medseg.io.atomic import atomic_path

# What makes a bundle. A user's folder also holds the state of its training, and records with paths and names in them.
# Of that state the settings go along, values of the config: a training that starts from the bundle needs them.
_PARTS = ("LICENSE", "calibration.json", "configs", "docs", "models", "scripts", "train/settings.json")
_CACHES = ("__pycache__", ".pyc", ".pyo")


@dataclass(frozen=True)
class ExportedArchive:
    """What went into an archive and what of the bundle's folder did not."""

    files: int
    left_out: list[str]


def export_archive(bundle: Path, target: Path) -> ExportedArchive:
    """Write the bundle in folder ``bundle`` into a ZIP archive with one folder of the bundle's name.

    One bundle gives the same bytes at any time and on any machine. The archive holds the configs, weights, documents,
    scripts and licence, and ``docs/checksums.txt`` with the SHA-256 of each file; of the training's state the
    settings alone, no record of a run, no caches.

    Raises:
        UserError: the bundle has no weights or damaged ones, its metadata is invalid, a part of it is a link or cannot
            be read, or the archive cannot be written.
    """
    read_metadata(bundle)
    read_weights(find_weights(bundle))
    try:
        files = {path.relative_to(bundle).as_posix(): path for part in _PARTS for path in _files(bundle / part)}
        files.pop(CHECKSUMS, None)
        require_plain_names(f"{bundle.name}/{name}" for name in files)
        digests = {name: _sha256(path) for name, path in sorted(files.items())}
        left_out = sorted({path.name for path in bundle.iterdir()} - {*_PARTS})
    except ValueError as error:
        raise UserError(f"bundle `{bundle.name}` cannot be exported: {error}") from error
    except OSError as error:
        raise UserError(f"`{error.filename or bundle}` could not be read: {error.strerror or error}") from error
    with atomic_path(target) as partial, ZipFile(partial, "w") as archive:
        for name in digests:
            entry = _entry(f"{bundle.name}/{name}", files[name].stat().st_size)
            with files[name].open("rb") as source, archive.open(entry, "w") as packed:
                shutil.copyfileobj(source, packed)
        checksums = format_checksums(digests).encode()
        archive.writestr(_entry(f"{bundle.name}/{CHECKSUMS}", len(checksums)), checksums)
    return ExportedArchive(files=len(digests) + 1, left_out=left_out)


def _files(path: Path) -> Iterator[Path]:
    """The file itself, or all in a folder; none where there is nothing."""
    if path.is_symlink():
        raise ValueError(f"{path.name} is a link; a bundle holds plain files only")
    if path.is_dir():
        for item in path.iterdir():
            if not item.name.startswith(".") and not item.name.endswith(_CACHES):
                yield from _files(item)
    elif path.is_file():
        yield path
    elif path.exists():
        raise ValueError(f"{path.name} is neither a file nor a folder")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _entry(name: str, size: int) -> ZipInfo:
    """An entry without a date. It is stored: weights hardly shrink, and no two versions of zlib shrink alike."""
    entry = ZipInfo(name)
    entry.compress_type, entry.create_system, entry.file_size = ZIP_STORED, 3, size
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    return entry
