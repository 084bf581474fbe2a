import hashlib
import hmac
import math
import os
import re
import secrets
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from filelock import FileLock

from medseg.errors import UserError

KEY_BYTES = 32
DROPPED = "<path>"
_FILE_SUFFIX = (
    r"\.(?:nii|gz|nrrd|nhdr|mh[ad]|img|hdr|dcm|dicom|tiff?|ome|zarr|zip|png|jpe?g|bmp|npy|npz|h5|hdf5"
    r"|csv|tsv|json|ya?ml|xml|txt|html?|pdf)"
)
_FILE_NAME = re.compile(rf"\S.*{_FILE_SUFFIX}", re.IGNORECASE)
# Folder names may hold blanks, so nothing after the first part of a path can be told from the path itself.
_PATH_IN_SENTENCE = re.compile(rf"\S*[/\\].*|\S+{_FILE_SUFFIX}\b.*", re.IGNORECASE | re.DOTALL)


class Pseudonyms:
    """What may be said about cases and files outside this machine, and the way back for its owner.

    Args:
        key: Secret that makes the pseudonyms; with it, one case has one pseudonym in every run of this user.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._case_of_name: dict[str, str] = {}
        self._digest_of_path: dict[str, str] = {}

    @property
    def cases(self) -> dict[str, str]:
        """Name of each pseudonym given out."""
        return {pseudonym: name for name, pseudonym in self._case_of_name.items()}

    @property
    def inputs(self) -> dict[str, str]:
        """Path of each digest; of inputs that hold the same, the last."""
        return {digest: path for path, digest in self._digest_of_path.items()}

    @property
    def digests(self) -> list[str]:
        """Digest of every input, in sorted order."""
        return sorted(self._digest_of_path.values())

    def case(self, name: str) -> str:
        """``case-`` and 12 hex digits of HMAC-SHA256; from here on `scrub` replaces the name."""
        pseudonym = f"case-{keyed_hash(self._key, name)}"
        self._case_of_name[name] = pseudonym
        return pseudonym

    def add_input(self, path: Path, digest: str) -> None:
        """From here on `scrub` replaces the path by the digest of what it holds."""
        self._digest_of_path[str(path)] = digest

    def scrub(self, value: object) -> object:
        """The value as JSON data without paths and names.

        A known input becomes its digest; any other path, or text that looks like one, becomes ``"<path>"``; the name
        of a known case becomes its pseudonym, in keys as well. What is neither a path nor a known case stays.
        """
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, os.PathLike):
            return self._digest_of_path.get(str(value), DROPPED)
        if isinstance(value, Mapping):
            return {self._scrub_key(key): self.scrub(item) for key, item in value.items()}
        if isinstance(value, Iterable) and not isinstance(value, str | bytes):
            return [self.scrub(item) for item in value]
        return self._scrub_text(str(value))

    def scrub_words(self, text: str) -> str:
        """The text with the names of known cases replaced where they stand as words of their own."""
        return _encodable(_replace_words(text, self._case_of_name))

    def scrub_sentence(self, text: str) -> str:
        """A message without paths and names; it ends at the first path, whose end cannot be told from its blanks."""
        labels = {path: f"input {digest[:12]}" for path, digest in self._digest_of_path.items()}
        for path, label in labels.items():
            text = text.replace(path, label)
        stems = {Path(path).name.partition(".")[0]: label for path, label in labels.items()}
        return _encodable(_replace_words(_PATH_IN_SENTENCE.sub(DROPPED, text), stems | self._case_of_name))

    def _scrub_key(self, key: object) -> str:
        text = str(key)
        if isinstance(key, os.PathLike) or text.startswith(("/", "~")) or "\\" in text or _FILE_NAME.fullmatch(text):
            return self._digest_of_path.get(text, DROPPED)
        return self.scrub_words(text)

    def _scrub_text(self, text: str) -> str:
        if text in self._digest_of_path:
            return self._digest_of_path[text]
        if "/" in text or "\\" in text or _FILE_NAME.fullmatch(text) or _exists(text):
            return DROPPED
        return self.scrub_words(text)


def keyed_hash(key: bytes, text: str) -> str:
    """12 hex digits of HMAC-SHA256: without the key, trying names does not find the one behind it."""
    return hmac.new(key, text.encode(errors="surrogateescape"), hashlib.sha256).hexdigest()[:12]


def user_key(folder: Path) -> bytes:
    """The user's secret key, made at random at first use and readable by this user alone.

    Raises:
        OSError: The folder cannot be written.
        UserError: The file there is not such a key.
    """
    path = folder / "pseudonyms.key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if not path.exists():
                _write_key(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise UserError(f"{path} must hold a key of {KEY_BYTES} bytes, got {len(key)}: restore it, or delete it.")
    return key


def _write_key(path: Path) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent)  # mkstemp gives mode 0600 from the first byte on
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
    os.replace(temporary, path)


def _replace_words(text: str, replacements: Mapping[str, str]) -> str:
    if text in replacements:
        return replacements[text]
    # One or two characters occur in too many other words and numbers to be a name there.
    words = sorted((word for word in replacements if len(word) > 2), key=len, reverse=True)
    if not words:
        return text
    pattern = rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, words))})(?![A-Za-z0-9])"
    return re.sub(pattern, lambda match: replacements[match.group()], text)


def _encodable(text: str) -> str:
    # Python hands over a file name that is not UTF-8 with surrogates in it, which no store takes.
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _exists(text: str) -> bool:
    try:
        return bool(text) and Path(text).exists()
    except (OSError, ValueError):
        return False  # too long, or with a null byte: no path of this machine
