import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tracking.errors import TrackingError


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Write a file or a folder so that ``target`` is either the whole new one or what it was before.

    Yields a path beside ``target`` with the same suffix, where nothing is yet. Leaving the block moves what was written
    there into place; any error removes it. A folder that is replaced is moved aside first, and back if its successor
    cannot take its place.

    Raises:
        TrackingError: it cannot be written: the folder above is absent, the disk is full, ...
    """
    target = Path(target)
    if not target.parent.is_dir():
        raise TrackingError(f"`{target}` could not be written: No such file or directory: {target.parent}")
    temporary = _beside(target)
    try:
        yield temporary
        if temporary.is_dir():
            _replace_folder(temporary, target)
        else:
            _flush_to_disk(temporary)
            os.replace(temporary, target)
    except OSError as error:
        raise TrackingError(f"`{target}` could not be written: {error.strerror or error}") from error
    finally:
        _remove(temporary)


def _beside(target: Path) -> Path:
    return target.parent / f".medseg-{uuid.uuid4().hex[:12]}{target.suffix}"


def _replace_folder(temporary: Path, target: Path) -> None:
    """Move a folder into place; systems replace a file by a file in one step, but no folder that holds something."""
    if not target.is_dir():
        os.replace(temporary, target)
        return
    aside = _beside(target)
    os.replace(target, aside)
    try:
        os.replace(temporary, target)
    except OSError:
        os.replace(aside, target)
        raise
    _remove(aside)


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
