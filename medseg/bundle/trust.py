import hashlib
import json
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
    """
    metadata = bundle / "configs" / "metadata.json"
    try:
        # Parsed, because JSON can spell a $ in several ways.
        if metadata.is_file() and _is_live(json.loads(metadata.read_text(encoding="utf-8"))):
            return False
    except (OSError, ValueError, RecursionError):
        return False
    code = _code_digest(bundle)
    return any(code == _code_digest(shipped) for shipped in shipped_bundles().values())


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


def _is_live(content: Any) -> bool:
    """Whether MONAI would evaluate anything in ``content``, parsed JSON."""
    if isinstance(content, dict):
        return any(key == "_target_" or _is_live(key) or _is_live(value) for key, value in content.items())
    if isinstance(content, list):
        return any(_is_live(item) for item in content)
    return isinstance(content, str) and content.lstrip().startswith(_LIVE_PREFIXES)


def _code_digest(bundle: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(bundle.rglob("*")):
        name = path.relative_to(bundle).as_posix()
        is_code = (
            name.startswith("configs/") and name != "configs/metadata.json"
        ) or path.suffix.lower() in _CODE_SUFFIXES
        if path.is_file() and is_code:
            digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
