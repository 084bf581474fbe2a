from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tracking.errors import TrackingError
from tracking.io.movie_units import StoredSteps, micrometres, seconds

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# Planes a file may claim: more than any camera writes, and few enough to be listed in memory.
MOST_PLANES = 10_000_000
_COUNTS = ("SizeX", "SizeY", "SizeZ", "SizeC", "SizeT", "PlaneCount", "NumPlanes", "IFD")


@dataclass(frozen=True)
class OmeMetadata:
    """What the OME-XML of a TIFF says, beyond what tifffile takes from it.

    Attributes:
        channel_names: Names of the channels; "" for one without.
        steps: Distances between pixels and frames.
        n_images: How many images the set holds; several where a stage went to several positions.
    """

    channel_names: tuple[str, ...]
    steps: StoredSteps
    n_images: int


def read_ome_metadata(path: Path, xml: str) -> OmeMetadata:
    """Check OME-XML before anything acts on it, and read it.

    Args:
        path: The TIFF whose description it is.
        xml: The description.

    Raises:
        TrackingError: It is not well-formed, declares a document type, claims more planes than can be, or names files
            outside of the TIFF's folder or that are not there.
    """
    from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
    from defusedxml.ElementTree import ParseError, fromstring  # type: ignore[import-untyped]

    try:
        root = fromstring(xml, forbid_dtd=True)
    except DefusedXmlException as error:
        raise TrackingError(
            f"`{path.name}` is refused: its metadata declare a document type or entities, which no movie needs and"
            " which can harm"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise TrackingError(f"`{path.name}` is damaged: its OME metadata are not well-formed XML ({error})") from error
    _require_sane_counts(path, root)
    _require_files_beside(path, root)
    images = [element for element in root if _name(element) == "Image"]
    pixels = next((element for image in images for element in image if _name(element) == "Pixels"), None)
    if pixels is None:
        return OmeMetadata((), StoredSteps(), len(images))
    get = pixels.attrib.get
    x, y, z = (micrometres(get(f"PhysicalSize{a}"), get(f"PhysicalSize{a}Unit", "µm")) for a in "XYZ")
    names = tuple(element.attrib.get("Name", "") for element in pixels if _name(element) == "Channel")
    steps = StoredSteps(x, y, z, seconds(get("TimeIncrement"), get("TimeIncrementUnit", "s")))
    return OmeMetadata(names, steps, len(images))


def _name(element: "Element") -> str:
    return str(element.tag).rpartition("}")[2]


def _require_sane_counts(path: Path, root: "Element") -> None:
    for element in root.iter():
        counts = {name: element.attrib[name] for name in _COUNTS if name in element.attrib}
        for name, text in counts.items():
            if not (text.isascii() and text.isdigit() and len(text) < 10):
                raise TrackingError(f"`{path.name}` is damaged: its OME metadata claim {name} {text[:40]!r}")
        planes = int(counts.get("SizeZ", 1)) * int(counts.get("SizeC", 1)) * int(counts.get("SizeT", 1))
        most = max(planes, *(int(counts.get(name, 0)) for name in ("PlaneCount", "NumPlanes", "IFD")))
        if most > MOST_PLANES:
            raise TrackingError(f"`{path.name}` is damaged: its OME metadata claim {most} planes")
        if _name(element).startswith("ModuloAlong"):
            # tifffile lists the labels of such an axis, whose number comes from the file.
            raise TrackingError(
                f"`{path.name}` holds an axis beyond time, channel, slice, row and column (modulo annotation), which"
                " cannot be tracked"
            )


def _require_files_beside(path: Path, root: "Element") -> None:
    if any(_name(element) == "BinaryOnly" for element in root):
        raise TrackingError(
            f"`{path.name}` is one part of an OME-TIFF set without the set's metadata: give the file that holds them"
        )
    own = root.attrib.get("UUID")
    for element in root.iter():
        name = element.attrib.get("FileName")
        if _name(element) != "UUID" or name is None or element.text == own or name.lower() == path.name.lower():
            continue
        if Path(name).name != name or "\\" in name or name in ("..", "."):
            raise TrackingError(
                f"`{path.name}` is refused: its metadata name a file outside of its folder, {name[:80]!r}"
            )
        if not (path.parent / name).is_file():
            raise TrackingError(f"`{path.name}` is one part of an OME-TIFF set, of which `{name[:80]}` is missing")
