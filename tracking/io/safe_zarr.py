import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tracking.errors import TrackingError

# Ways to store an array that do nothing but compress or reorder. Others can run a program: one of them is pickle.
_SAFE_CODECS = {
    *("blosc", "zstd", "gzip", "zlib", "lz4", "bz2", "lzma", "shuffle", "delta", "fixedscaleoffset", "bitround"),
    *("crc32", "crc32c", "adler32", "fletcher32", "bytes", "transpose", "sharding_indexed", "vlen-utf8", "vlen-bytes"),
}
# Runs of one value take little room, so that an honest folder may claim more than it stores. Beyond both it would fill
# the memory.
_MOST_BYTES, _MOST_EXPANSION = 2**31, 1000


def require_plain_files(path: Path) -> int:
    """Check a folder before it is opened as Zarr, and return how many bytes it stores.

    Raises:
        TrackingError: something in it is a link, which may lead anywhere, or neither a file nor a folder.
    """
    stored = 0
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            status = os.lstat(os.path.join(folder, name))
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                inside = Path(folder, name).relative_to(path)
                raise TrackingError(f"`{path}` is refused: `{inside}` in it is a link or a device, not a file")
            stored += status.st_size
    return stored


def require_safe_arrays(path: Path, arrays: Sequence[Any], stored: int) -> None:
    """Check Zarr arrays before any of their values is read.

    Args:
        path: named in the error.
        arrays: ``zarr.Array`` objects, opened but not read.
        stored: bytes of the folder.

    Raises:
        TrackingError: an array is stored in a way that could run a program, or together they claim far more values
            than the folder can hold.
    """
    for array in arrays:
        for codec in _codecs(array.metadata.to_dict()):
            if codec.removeprefix("numcodecs.") not in _SAFE_CODECS:
                raise TrackingError(f"`{path}` is refused: its arrays are stored with the codec {codec}")
    claimed = sum(int(array.nbytes) for array in arrays)
    if claimed > max(_MOST_BYTES, _MOST_EXPANSION * stored):
        raise TrackingError(f"`{path}` is damaged: it claims {claimed} bytes of values in a folder of {stored} bytes")


def _codecs(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Names of the codecs of Zarr 2 (``compressor``, ``filters``) and 3 (``codecs``, which may hold further codecs)."""
    for key in ("compressor", "filters", "codecs", "index_codecs"):
        found = metadata.get(key) or ()
        for codec in (found,) if isinstance(found, Mapping) else found:
            yield str(codec.get("id", codec.get("name")))
            yield from _codecs(codec.get("configuration") or {})
