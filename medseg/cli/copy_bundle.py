import shutil
from pathlib import Path

from medseg.errors import UserError

# Of what training left, the settings alone: a training that starts from the copy needs them.
_PARTS = ("configs", "docs", "models", "scripts", "LICENSE", "train/settings.json")


def copy_bundle(source: Path, target: Path) -> None:
    """Copy what makes up a bundle, in place of a former copy."""
    for part in _PARTS:
        if (target / part).is_dir():
            shutil.rmtree(target / part)
        (target / part).unlink(missing_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part)
        elif (source / part).is_file():
            (target / part).parent.mkdir(exist_ok=True)
            shutil.copy(source / part, target / part)


def require_free_for_copy(output: Path, source: Path, overwrite: bool) -> None:
    """Refuse to copy a bundle into itself, or over anything but a bundle that may be written over.

    Raises:
        UserError: ``output`` is, holds or is in ``source``, holds other things, or a bundle and ``overwrite`` is off.
    """
    target = output.resolve()
    if target == source.resolve() or source.resolve() in target.parents or target in source.resolve().parents:
        raise UserError(f"`{output}` is or holds the bundle itself: choose another --output")
    if not target.is_dir() or all(path.match("run*.json") for path in target.iterdir()):
        return
    if not (target / "configs" / "metadata.json").is_file():
        raise UserError(f"`{output}` is not empty and no bundle: choose another --output")
    if not overwrite:
        raise UserError(f"`{output}` is not empty and is kept: pass --overwrite or another --output")
