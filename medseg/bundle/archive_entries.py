import stat
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from medseg.bundle.archive_names import require_plain_names

_MOST_BYTES = 2 * 2**30
_MOST_FILES = 10_000
# Text shrinks to a fifth, weights hardly; a bomb to a thousandth.
_LARGEST_RATIO = 100
_ENCRYPTED = 0x1


def bundle_entries(archive: ZipFile, size: int) -> dict[str, ZipInfo]:
    """The files of the one bundle in an archive, by their names inside the bundle's folder.

    Nothing is unpacked to find out.

    Args:
        archive: Open for reading.
        size: Of the archive in bytes.

    Raises:
        ValueError: a name, a kind of entry or a size is one that no bundle needs, or there is not one bundle in it.
    """
    entries = archive.infolist()
    if len(entries) > _MOST_FILES:
        raise ValueError(f"it holds {len(entries)} entries, and a bundle at most {_MOST_FILES}")
    require_plain_names(entry.filename for entry in entries)
    for entry in entries:
        _require_plain_entry(entry)
    files = [entry for entry in entries if not entry.is_dir()]
    unpacked = sum(entry.file_size for entry in files)
    if unpacked > _MOST_BYTES:
        raise ValueError(f"it unpacks to {unpacked / 2**30:.1f} GiB, and a bundle has at most {_MOST_BYTES / 2**30:g}")
    if unpacked > _LARGEST_RATIO * size:
        raise ValueError(
            f"it unpacks to {unpacked / size:.0f} times its size, and a bundle to {_LARGEST_RATIO} at most"
        )
    if sum(entry.compress_size for entry in files) > size:
        raise ValueError("its entries overlap")
    tops = sorted({entry.filename.partition("/")[0] for entry in entries})
    if len(tops) != 1:
        raise ValueError(f"it must hold one folder, the bundle's, and holds {', '.join(tops[:5]) or 'nothing'}")
    found = {entry.filename.partition("/")[2]: entry for entry in files}
    if "configs/metadata.json" not in found:
        raise ValueError(f"it holds no MONAI bundle: there is no {tops[0]}/configs/metadata.json")
    return found


def _require_plain_entry(entry: ZipInfo) -> None:
    if "\0" in entry.orig_filename:  # where zipfile ends the name
        raise ValueError(f"the name {entry.orig_filename!r} is not a plain one")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if entry.is_dir() else stat.S_IFREG):
        raise ValueError(f"{entry.filename} is a link or another special file; a bundle holds plain files only")
    if entry.flag_bits & _ENCRYPTED:
        raise ValueError(f"{entry.filename} is encrypted: ask its author for an archive that is not")
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise ValueError(f"{entry.filename} is packed in an unusual way; pack it anew by deflating or storing")
