import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from medseg.errors import UserError
from medseg.io.suffixes import image_suffix

_PREFIX = ".medseg-"


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Write a file so that ``target`` is either the whole new file or what it was before.

    Yields a path beside ``target`` with the same suffix, because writers choose their format by it. Leaving the block
    moves that file into place; any error removes it. Only the writing belongs into the block, since an ``OSError`` or a
    ``RuntimeError`` (which is how ITK and torch report a failed write) is taken for a failure to write ``target``.

    Raises:
        UserError: the file cannot be written: the folder is absent, it is a file, the disk is full, ...
    """
    target = Path(target)
    temporary = target.parent / f"{_PREFIX}{uuid.uuid4().hex[:12]}{image_suffix(target) or target.suffix}"
    try:
        # The operating system says best why a folder cannot be written to; the writers only say that it failed.
        temporary.open("xb").close()
        yield temporary
        _flush_to_disk(temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise UserError(f"`{target}` could not be written: {error.strerror or error}") from error
    except RuntimeError as error:
        raise UserError(f"`{target}` could not be written: {_reason(error)}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_partial_files(folder: Path) -> None:
    """Remove what writers that were killed left in ``folder`` and below; there must be no other writer in it now."""
    for path in folder.rglob(f"{_PREFIX}*"):
        if path.is_file():
            path.unlink(missing_ok=True)


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: RuntimeError) -> str:
    reasons = [os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)]
    return next((reason for reason in reasons if reason in str(error)), "the disk may be full")
