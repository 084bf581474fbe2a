from pathlib import Path

# Storage classes that hold no picture of their own grid: raw data and segmentations, structured reports, encapsulated
# documents, radiotherapy objects, presentation states, waveforms, value maps, directories.
_NOT_IMAGES = tuple(
    f"1.2.840.10008.{branch}"
    for branch in (
        *("5.1.4.1.1.66", "5.1.4.1.1.88.", "5.1.4.1.1.104.", "5.1.4.1.1.481."),
        *("5.1.4.1.1.11.", "5.1.4.1.1.9.", "5.1.4.1.1.67", "1.3.10"),
    )
)
_STORAGE_CLASS = b"\x02\x00\x02\x00UI"


def dicom_files(folder: Path) -> list[Path]:
    """The DICOM files directly inside ``folder``, sorted by name: those that end in .dcm or begin as DICOM does."""
    names = (path for path in folder.iterdir() if not path.name.startswith(".") and path.name != "DICOMDIR")
    return sorted(path for path in names if path.is_file() and _is_dicom(path))


def may_hold_image(path: Path) -> bool:
    """False for a DICOM file that says it is something else, such as a structure set or a segmentation."""
    with path.open("rb") as stream:
        start = stream.read(1024)
    at = start.find(_STORAGE_CLASS, 132)
    if at < 0:
        return True
    length = int.from_bytes(start[at + 6 : at + 8], "little")
    return not start[at + 8 : at + 8 + length].decode("latin-1").startswith(_NOT_IMAGES)


def _is_dicom(path: Path) -> bool:
    if path.suffix.lower() == ".dcm":
        return True
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"
