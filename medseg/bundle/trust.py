import hashlib
import re
from pathlib import Path

from medseg.bundle.catalog import shipped_bundles
from medseg.errors import UserError

_CODE_SUFFIXES = (".py", ".pyc", ".pth", ".so")
# In a config, strings that begin so are evaluated, looked up or read from another file.
_LIVE_STRING = re.compile(r'"\s*[$@%]|_target_')


def is_trusted(bundle: Path) -> bool:
    """Whether all that can run code in ``bundle`` is, to the byte, that of a bundle that ships with medseg.

    Code is in the configs (``_target_``, ``$`` expressions) and in scripts. A copy with other weights, as training
    makes it, is as safe as the original: weights are tensors only. Its metadata may differ where they are plain text.
    """
    metadata = bundle / "configs" / "metadata.json"
    if metadata.is_file() and _LIVE_STRING.search(metadata.read_text(encoding="utf-8", errors="replace")):
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


def _code_digest(bundle: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(bundle.rglob("*")):
        name = path.relative_to(bundle).as_posix()
        is_code = (name.startswith("configs/") and name != "configs/metadata.json") or path.suffix in _CODE_SUFFIXES
        if path.is_file() and is_code:
            digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
