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


def require_free_bundle(output: Path, source: Path, may_exist: bool, data: Path | None = None) -> None:
    """Refuse to make a bundle where something would be lost: one may be written over, if it ``may_exist``.

    Args:
        output: Folder of the bundle to be made.
        source: Bundle that it is made of.
        may_exist: Whether ``output`` may be a bundle already.
        data: Folder of the cases that are needed for it.

    Raises:
        UserError: ``output`` is, holds or is in ``source``, is or holds ``data``, holds other things, or holds a bundle
            and may not exist.
    """
    target = output.resolve()
    if target == source.resolve() or source.resolve() in target.parents:
        raise UserError(f"`{output}` is the bundle itself: choose another --output")
    for needed in (source, *([data] if data is not None else [])):
        if target in (needed.resolve(), *needed.resolve().parents):
            raise UserError(f"`{output}` holds `{needed}`, which is needed: choose another --output")
    left = ("run*.json", ".medseg-*")  # by a command that failed, or was killed, before it began
    if not target.is_dir() or all(any(path.match(pattern) for pattern in left) for path in target.iterdir()):
        return
    if not (target / "configs" / "metadata.json").is_file():
        raise UserError(f"`{output}` is not empty and no bundle: choose another --output")
    if not may_exist:
        hint = "; its training goes on with --resume" if (target / "train" / "last.pt").is_file() else ""
        raise UserError(f"`{output}` is not empty and is kept: pass --overwrite or another --output{hint}")
