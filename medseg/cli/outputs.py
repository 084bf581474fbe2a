from collections.abc import Sequence
from pathlib import Path

from medseg.errors import UserError


def make_folder(folder: Path) -> None:
    """Create an output folder and those above it.

    Raises:
        UserError: it cannot be created, or is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UserError(f"output `{folder}` is a file, no folder: choose another") from error
    except OSError as error:
        raise UserError(f"output `{folder}` cannot be made a folder: {error.strerror}") from error


def output_names(paths: Sequence[Path]) -> dict[Path, str]:
    """The case name of every input; outputs are named after it.

    Raises:
        UserError: two inputs have one case name, so their outputs would be the same file.
    """
    from medseg.io import case_name

    names: dict[Path, str] = {}
    taken: dict[str, Path] = {}
    for path in paths:
        name = case_name(path)
        if name in taken:
            raise UserError(
                f"`{taken[name]}` and `{path}` would both become case {name}: segment them into two folders"
            )
        taken[name] = path
        names[path] = name
    return names


def require_free(output: Path, names: Sequence[str], overwrite: bool) -> None:
    """Refuse to replace outputs of an earlier command.

    Raises:
        UserError: one of the files exists, and ``overwrite`` is off.
    """
    for name in names:
        if (output / name).exists() and not overwrite:
            raise UserError(f"`{output / name}` exists and is kept: pass --overwrite or another --output")


def require_free_bundle(output: Path, source: Path, may_exist: bool) -> None:
    """Refuse to train into the bundle itself, or into a folder in use unless it ``may_exist``.

    Raises:
        UserError: it is the one or the other.
    """
    if output.resolve() == source.resolve() or source.resolve() in output.resolve().parents:
        raise UserError(f"`{output}` is the bundle itself: train into another folder")
    if not may_exist and output.is_dir() and any(output.iterdir()):
        raise UserError(f"`{output}` is not empty and is kept: pass --resume to go on, or --overwrite")
