import re
from collections.abc import Mapping

CHECKSUMS = "docs/checksums.txt"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def format_checksums(digests: Mapping[str, str]) -> str:
    """A line with the SHA-256 and the name of every file, as ``sha256sum --check`` reads it in the bundle's folder."""
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))


def require_checksums(text: str, digests: Mapping[str, str]) -> None:
    """Compare the files of a bundle with what ``docs/checksums.txt`` says of them.

    Args:
        text: What the file holds.
        digests: SHA-256 of every other file by its name.

    Raises:
        ValueError: a file was changed, added or taken away, or the text is not such a list.
    """
    listed = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{CHECKSUMS} is damaged")
        listed[match[2]] = match[1]
    for name in sorted({*listed, *digests}):
        if listed.get(name) != digests.get(name):
            what = "lost" if name not in digests else "changed" if name in listed else "added"
            raise ValueError(f"{name} was {what} since {CHECKSUMS} was written")
