import difflib
from importlib import resources
from pathlib import Path

from medseg.errors import UserError


def shipped_bundles() -> dict[str, Path]:
    """The bundles that come with medseg, by name: from the wheel's package data, or from the checkout it runs in."""
    package = Path(str(resources.files("medseg")))
    for root in (package / "shipped" / "bundles", package.parent / "bundles"):
        if root.is_dir():
            return {
                path.name: path for path in sorted(root.iterdir()) if (path / "configs" / "metadata.json").is_file()
            }
    return {}


def find_bundle(name_or_path: str) -> Path:
    """The folder of a bundle, given the name of a shipped one or the path of any.

    Raises:
        UserError: there is no such bundle, and a name that is nearly right is suggested; or there are two.
    """
    shipped = shipped_bundles()
    path = Path(name_or_path)
    if name_or_path in shipped:
        is_another = (path / "configs" / "metadata.json").is_file() and not path.samefile(shipped[name_or_path])
        if is_another:
            raise UserError(
                f"`{name_or_path}` is a shipped bundle and one in this folder: write ./{name_or_path} for the "
                "latter, or go to another folder"
            )
        return shipped[name_or_path]
    if path.is_dir():
        if not (path / "configs" / "metadata.json").is_file():
            raise UserError(f"`{path}` is not a MONAI bundle: it has no configs/metadata.json")
        return path.resolve()
    near = difflib.get_close_matches(name_or_path, shipped, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the shipped ones are {', '.join(shipped) or 'none'}"
    raise UserError(f"there is no bundle `{name_or_path}`: {hint}")
