import shutil
from pathlib import Path

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
