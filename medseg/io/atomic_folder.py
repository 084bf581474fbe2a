import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medseg.errors import UserError


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Write a folder so that ``target`` is either the whole new folder or what it was before.

    Yields an empty folder beside ``target``; those above it are made. Leaving the block moves it into place; any error
    removes it. A folder that is replaced is moved aside first, and back if its successor cannot take its place; a kill
    in that instant leaves both beside ``target``, as ``.medseg-*`` and ``.medseg-*-replaced``.

    Raises:
        UserError: the folder cannot be written: one above is a file, the disk is full, ...
    """
    name = f".medseg-{uuid.uuid4().hex[:12]}"
    temporary, aside = target.with_name(name), target.with_name(f"{name}-replaced")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if target.is_dir():
            os.replace(target, aside)
        try:
            os.replace(temporary, target)
        except BaseException:
            if aside.exists():
                os.replace(aside, target)
            raise
    except OSError as error:
        raise UserError(f"`{target}` could not be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(aside, ignore_errors=True)
