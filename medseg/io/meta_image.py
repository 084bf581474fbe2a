import zlib
from collections.abc import Mapping
from pathlib import Path

from medseg.errors import UserError

_CHUNK = 1 << 20


def data_file(path: Path) -> Path:
    """The file that holds the voxels of a MetaImage: ``path`` itself, or the one beside it that a .mhd names.

    Raises:
        UserError: the header names no file, several files, or one in another folder.
    """
    name = _header(path)[0].get("ElementDataFile", "")
    if name.upper() == "LOCAL":
        return path
    if not name or name != Path(name).name or name.upper().startswith("LIST") or "%" in name:
        raise UserError(f"`{path}` must name one file beside it as ElementDataFile, or LOCAL")
    return path.parent / name


def require_whole(path: Path, size: int) -> None:
    """Refuse a MetaImage whose voxels are cut short or damaged.

    ITK inflates compressed voxels without looking at the checksum or at how many came out, and returns whatever was in
    memory for the rest.

    Args:
        path: the .mha or .mhd.
        size: bytes of voxels by the header, uncompressed.

    Raises:
        UserError: the voxels are absent, stored as text, fewer than ``size`` bytes, or fail their checksum.
    """
    source = data_file(path)
    fields, offset = _header(path)
    if not source.is_file():
        raise UserError(f"`{path}` keeps its voxels in {source.name}, which is not beside it")
    if not _is_true(fields, "BinaryData"):
        raise UserError(f"`{path}` must store its voxels in binary form (BinaryData = True)")
    if _is_true(fields, "CompressedData"):
        found = _inflated_size(source, offset if source == path else 0, size)
    else:
        found = source.stat().st_size - (offset if source == path else 0)
    if found < size:
        raise UserError(f"`{path}` is damaged or cut short: its voxels cannot be read")


def _is_true(fields: Mapping[str, str], name: str) -> bool:
    """As ITK reads it: by the first letter."""
    return fields.get(name, "")[:1] in ("T", "t", "1")


def _header(path: Path) -> tuple[dict[str, str], int]:
    """The fields up to ElementDataFile, which is the last one, and the offset of the byte after them."""
    fields: dict[str, str] = {}
    with path.open("rb") as stream:
        for line in iter(lambda: stream.readline(4096), b""):
            key, _, value = line.decode("latin-1").partition("=")
            fields[key.strip()] = value.strip()
            if key.strip() == "ElementDataFile":
                break
        return fields, stream.tell()


def _inflated_size(path: Path, offset: int, limit: int) -> int:
    """Bytes that the zlib stream at ``offset`` holds, or 0 if it is damaged or longer than ``limit``."""
    inflate = zlib.decompressobj()
    found = 0
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            while not inflate.eof and found <= limit:
                block = inflate.unconsumed_tail or stream.read(_CHUNK)
                if not block:
                    return 0
                found += len(inflate.decompress(block, _CHUNK))
    except zlib.error:
        return 0
    return found if inflate.eof else 0
