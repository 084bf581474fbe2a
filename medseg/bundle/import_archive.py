import hashlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from medseg.bundle.archive_checksums import CHECKSUMS, require_checksums
from medseg.bundle.archive_entries import bundle_entries
from medseg.bundle.catalog import shipped_bundles
from medseg.bundle.metadata import BundleMetadata, parse_metadata
from medseg.errors import UserError, first_line
from medseg.io.atomic_folder import atomic_folder

_CHUNK = 2**20


@dataclass(frozen=True)
class ImportedArchive:
    """What came out of an archive; ``is_verified`` says that it held checksums, which then are right."""

    metadata: BundleMetadata
    files: int
    is_verified: bool


def import_archive(archive: Path, target: Path, overwrite: bool = False) -> ImportedArchive:
    """Unpack the bundle in a ZIP archive, of medseg or of the model zoo, as the folder ``target``.

    The archive may come from anybody: nothing of it is run, and nothing is written where it is refused.

    Args:
        archive: A ZIP archive with one folder, the bundle's.
        target: The bundle's new folder.
        overwrite: Replace the bundle that is there.

    Raises:
        UserError: the archive is damaged, hostile, changed since its checksums were made or holds no valid bundle;
            ``target`` is there and is no bundle or is to be kept; it cannot be written.
    """
    target = target.resolve()
    _require_free(target, overwrite)
    try:
        with ZipFile(archive) as opened:
            try:
                entries = bundle_entries(opened, archive.stat().st_size)
            except ValueError as error:
                raise UserError(f"`{archive}` is not unpacked: {error}") from error
            with atomic_folder(target) as partial:
                digests = {name: _unpack(opened, entry, partial / name) for name, entry in entries.items()}
                metadata = parse_metadata(
                    (partial / "configs" / "metadata.json").read_bytes(), f"configs/metadata.json in `{archive}`"
                )
                is_verified = digests.pop(CHECKSUMS, None) is not None
                if is_verified:
                    _verify(archive, partial / CHECKSUMS, digests)
        return ImportedArchive(metadata, len(entries), is_verified)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"`{archive}` could not be read: {error.strerror or error}") from error
    except Exception as error:  # zipfile raises a dozen kinds for a damaged or hostile file
        raise UserError(f"`{archive}` is no ZIP archive, or a damaged one: {first_line(error)}") from error


def _require_free(target: Path, overwrite: bool) -> None:
    if set(target.parents) & {path.parent for path in shipped_bundles().values()}:
        raise UserError(f"`{target.parent}` holds medseg's own bundles, which are trusted: choose another --output")
    if not target.exists():
        return
    if not (target / "configs" / "metadata.json").is_file():
        raise UserError(f"`{target}` exists and is no bundle, so it is not replaced: choose another --output")
    if (target / "train" / "last.pt").exists():
        raise UserError(f"`{target}` holds a training of yours, so it is not replaced: choose another --output")
    if not overwrite:
        raise UserError(f"`{target}` exists and is kept: pass --overwrite or another --output")


def _unpack(archive: ZipFile, entry: ZipInfo, path: Path) -> str:
    """Write one file and return its SHA-256. zipfile gives no more bytes than the entry declares."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with archive.open(entry) as packed, path.open("xb") as stream:
        while chunk := packed.read(_CHUNK):
            stream.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    if size != entry.file_size:
        raise ValueError(f"{entry.filename} has {size} bytes and declares {entry.file_size}")
    return digest.hexdigest()


def _verify(archive: Path, checksums: Path, digests: dict[str, str]) -> None:
    try:
        require_checksums(checksums.read_text(encoding="utf-8"), digests)
    except ValueError as error:
        raise UserError(f"`{archive}` is not unpacked: {error}") from error
