import hashlib
import json
import re
from pathlib import Path
from typing import Any

from medseg.bundle.catalog import shipped_bundles
from medseg.errors import UserError

_CODE_SUFFIXES = (".py", ".pyc", ".pyd", ".pth", ".so")
# In a config, strings that begin so are evaluated, looked up or read from another file.
_LIVE_PREFIXES = ("$", "@", "%")


def is_trusted(bundle: Path) -> bool:
    """Whether all that can run code in ``bundle`` is, to the byte, that of a bundle that ships with medseg.

    Code is in the configs (``_target_``, ``$`` expressions) and in scripts. A copy with other weights, as training
    makes it, is as safe as the original: weights are tensors only. Its metadata may differ where they are plain text.
    A bundle with a link in it is never trusted: what a link leads to can change.
    """
    if any(path.is_symlink() for path in bundle.rglob("*")):
        return False
    metadata = bundle / "configs" / "metadata.json"
    try:
        # Parsed, because JSON can spell a $ in several ways.
        if metadata.is_file() and is_live(json.loads(metadata.read_text(encoding="utf-8"))):
            return False
    except (OSError, ValueError, RecursionError):
        return False
    code = code_digest(bundle)
    return any(code == code_digest(shipped) for shipped in shipped_bundles().values())


def require_trust(bundle: Path, trusted_by_user: bool) -> None:
    """Refuse to run the configs of a stranger's bundle until the user says that it may.

    Raises:
        UserError: the bundle did not ship with medseg and ``trusted_by_user`` is False.
    """
    if not trusted_by_user and not is_trusted(bundle):
        raise UserError(
            f"the configs of `{bundle}` can run any code and did not ship with medseg: "
            "read them, then pass --trust-bundle"
        )


def require_same_code(bundle: Path, source: Path) -> None:
    """Refuse to run the train config of a copy of ``source`` that was changed since.

    The inference config may differ: training writes its overrides into it, and does not run it.

    Raises:
        UserError: a config, or a file of code, was changed, added or taken away.
    """
    but = "configs/inference.yaml"
    if code_digest(bundle, but) != code_digest(source, but) or any(path.is_symlink() for path in bundle.rglob("*")):
        raise UserError(f"`{bundle}` no longer holds the configs of `{source.name}`, so its training cannot go on")


def is_live(content: Any) -> bool:
    """Whether MONAI would evaluate anything in ``content``, parsed JSON or YAML."""
    if isinstance(content, dict):
        return any(_is_live_key(key) or is_live(value) for key, value in content.items())
    if isinstance(content, list):
        return any(is_live(item) for item in content)
    return isinstance(content, str) and content.lstrip().startswith(_LIVE_PREFIXES)


def _is_live_key(key: Any) -> bool:
    """Whether a key can name what is to be built, by itself or at the end of a path such as ``loss#_target_``."""
    parts = re.split("#|::", str(key))
    return any(part.strip().startswith("_") or is_live(part) for part in parts)


def code_digest(bundle: Path, but: str | None = None) -> str:
    """SHA-256 over all in ``bundle`` that can run code, configs and Python files, in hexadecimal.

    ``but`` names a file that does not count.
    """
    digest = hashlib.sha256()
    for path in sorted(bundle.rglob("*")):
        name = path.relative_to(bundle).as_posix()
        is_code = (
            name.startswith("configs/") and name != "configs/metadata.json"
        ) or path.suffix.lower() in _CODE_SUFFIXES
        if path.is_file() and is_code and name != but:
            digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
