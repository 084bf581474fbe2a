import math
from pathlib import Path
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from tracking.errors import TrackingError


class XmlHandler(ContentHandler):
    """Takes an XML file element by element, and refuses what it cannot take with a sentence that names the line.

    Formats derive from it and give ``startElement`` and ``endElement``. Nothing of the file is kept but what they keep,
    so that a file of any length is read in little memory.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def refusal(self, problem: str) -> TrackingError:
        """The error for the element at hand."""
        # The parser sets the locator before the first element; typeshed does not list it.
        line = self._locator.getLineNumber()  # type: ignore[attr-defined]
        return TrackingError(f"`{self.path}`, line {line}: {problem}")

    def number(self, attributes: AttributesImpl | dict[str, str], name: str, default: float | None = None) -> float:
        """A finite number.

        Raises:
            TrackingError: the attribute is missing and has no default, or it is not a finite number.
        """
        text = attributes.get(name)
        if text is None:
            if default is None:
                raise self.refusal(f"the attribute {name} is missing")
            return default
        try:
            value = float(text)
        except ValueError as error:
            raise self.refusal(f"{name} must be a number, got {shortened(text)}") from error
        if not math.isfinite(value):
            raise self.refusal(f"{name} must be finite, got {shortened(text)}")
        return value

    def whole_number(self, attributes: AttributesImpl | dict[str, str], name: str, largest: int) -> int:
        """A whole number from 0 to ``largest``; ``3.0`` counts as one, as some programs write every number so.

        Raises:
            TrackingError: the attribute is missing or not such a number.
        """
        value = self.number(attributes, name)
        if not (0 <= value <= largest and value == int(value)):
            shown = shortened(str(attributes.get(name)))
            raise self.refusal(f"{name} must be a whole number from 0 to {largest}, got {shown}")
        return int(value)


def read_xml(path: Path, handler: ContentHandler) -> None:
    """Send a file's elements to ``handler``, one after the other.

    Document type declarations are refused, and with them entities and references to other files or addresses: they can
    fill the memory ("billion laughs") or fetch what the file's author wants, and no track format needs them.

    Raises:
        TrackingError: the file is not XML, is damaged, or declares a document type.
        OSError: it cannot be read.
    """
    from defusedxml import DefusedXmlException  # type: ignore[import-untyped,unused-ignore]
    from defusedxml.sax import parse  # type: ignore[import-untyped,unused-ignore]

    try:
        # An open file, as a name that is no file would be fetched from the network.
        with path.open("rb") as stream:
            parse(stream, handler, forbid_dtd=True)
    except DefusedXmlException as error:
        raise TrackingError(
            f"`{path}` is refused: it declares a document type or entities, which can harm and no track file needs"
        ) from error
    except SAXParseException as error:
        raise TrackingError(
            f"`{path}` is not well-formed XML: {error.getMessage()} in line {error.getLineNumber()}"
        ) from error
    except (SAXException, ValueError, LookupError) as error:
        if isinstance(error, TrackingError):
            raise
        raise TrackingError(f"`{path}` is not well-formed XML: {error}") from error


def xml_root(path: Path) -> str:
    """Name of the outermost element, of which no more than the start is read.

    Raises:
        TrackingError: as `read_xml`.
    """

    class Found(Exception):
        pass

    class Root(ContentHandler):
        def startElement(self, name: str, attrs: AttributesImpl) -> None:
            raise Found(name)

    try:
        read_xml(path, Root())
    except Found as found:
        return str(found)
    raise TrackingError(f"`{path}` is not well-formed XML: it holds no element")


def shortened(text: str) -> str:
    """A piece of a file as it can stand in a message."""
    return repr(text) if len(text) <= 40 else repr(text[:40]) + "..."
