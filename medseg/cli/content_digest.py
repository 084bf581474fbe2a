import hashlib
from collections.abc import Iterable
from pathlib import Path

from medseg.io import sha256_of


def content_digest(path: Path, files: Iterable[Path] | None = None) -> str:
    """SHA-256 of a movie's or a track file's bytes, in hexadecimal; of a folder that over the digests of its files.

    Args:
        path: A file or a folder.
        files: What of a folder counts, in order. By default every file in it, as for Zarr.
    """
    if path.is_file():
        return sha256_of(path)
    inside = files if files is not None else sorted(file for file in path.rglob("*") if file.is_file())
    return hashlib.sha256("".join(sha256_of(file) for file in inside).encode()).hexdigest()
