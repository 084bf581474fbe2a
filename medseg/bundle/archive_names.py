import re
import unicodedata
from collections.abc import Iterable
from itertools import accumulate

# What some system forbids in a name or takes for more than a name; a colon follows a drive's letter.
_SPECIAL = re.compile(r'[\\:*?"<>|]')


def require_plain_names(names: Iterable[str]) -> None:
    """Refuse names of an archive's entries that are not plain relative ones, or cannot all lie in one folder.

    Args:
        names: Parts separated by ``/``; a name that ends with it is that of a folder.

    Raises:
        ValueError: a name leads out of the folder, or means something else on another system; two are the same, or
            differ in case alone; one is both a file and a folder.
    """
    files: set[str] = set()
    folders: set[str] = set()
    spellings: dict[str, str] = {}
    for name in names:
        _require_plain(name)
        *above, path = accumulate(name.removesuffix("/").split("/"), "{}/{}".format)
        for one in (*above, path):
            spelling = spellings.setdefault(_folded(one), one)
            if spelling != one:
                raise ValueError(f"the names {_shown(spelling)} and {_shown(one)} are the same on many systems")
        folders.update(above)
        if name.endswith("/"):
            folders.add(path)
        elif path in files:
            raise ValueError(f"the name {_shown(path)} comes twice")
        else:
            files.add(path)
    if both := files & folders:
        raise ValueError(f"{_shown(min(both))} is both a file and a folder")


def _require_plain(name: str) -> None:
    parts = name.removesuffix("/").split("/")
    if name.startswith("/"):
        raise ValueError(f"the name {_shown(name)} is absolute")
    if ".." in parts:
        raise ValueError(f"the name {_shown(name)} leads out of the folder")
    if not name.isprintable() or _SPECIAL.search(name) or any(part[-1:] in ("", ".", " ") for part in parts):
        raise ValueError(f"the name {_shown(name)} is not a plain one")


def _folded(path: str) -> str:
    """What stands for a path where neither case nor the way accents are written counts."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


def _shown(name: str) -> str:
    return repr(name if len(name) <= 80 else name[:77] + "...")
