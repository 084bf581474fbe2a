from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from tracking.errors import TrackingError

_MARK = "key.txt"
_LOCK = "lock"
_PARTS = "part_*.parquet"


@contextmanager
def work_folder(folder: Path, key: str) -> Iterator[Path]:
    """Where spots are kept while a movie is worked on, for one process at a time.

    Parts that an earlier call with the same key left are still there; those of another key are deleted. Leaving the
    block without an error deletes the folder, and nothing in it that is not ours.

    Args:
        folder: Its name; it is made if need be.
        key: What the parts depend on.

    Raises:
        TrackingError: Another process works in it, it holds somebody's files, or it cannot be made.
    """
    try:
        if folder.exists() and not (folder / _MARK).is_file() and any(p.name != _LOCK for p in folder.iterdir()):
            raise TrackingError(f"`{folder}` holds files that are not medseg's: move them, or choose another --output")
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _LOCK, timeout=0):
            if _key_of(folder) != key:
                _delete_parts(folder)
                (folder / _MARK).write_text(key, encoding="utf-8")
            yield folder
            _delete_parts(folder)
    except Timeout:
        raise TrackingError(
            f"another medseg works in `{folder.parent}`: wait for it, or choose another --output"
        ) from None
    except OSError as error:
        raise TrackingError(f"`{folder}` cannot be used: {error.strerror or error}") from error
    with suppress(OSError):
        (folder / _LOCK).unlink(missing_ok=True)
        folder.rmdir()


def _key_of(folder: Path) -> str | None:
    mark = folder / _MARK
    return mark.read_text(encoding="utf-8") if mark.is_file() else None


def _delete_parts(folder: Path) -> None:
    for part in folder.glob(_PARTS):
        part.unlink()
    (folder / _MARK).unlink(missing_ok=True)
