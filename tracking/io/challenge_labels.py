import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from tracking.io.safe_xml import read_xml

CHALLENGE_SCENARIOS = ("vesicle", "receptor", "microtubule", "virus")
CHALLENGE_DENSITIES = ("low", "mid", "high")

# `VESICLE snr 7 density mid`, and `virus_snr7_mid` as users shorten it.
_LABELS = re.compile(
    rf"(?<![a-z])({'|'.join(CHALLENGE_SCENARIOS)})(?:e?s)?[\W_]*snr[\W_]*([1-9]\d?)(?!\d)"
    rf"[\W_]*(?:density[\W_]*)?({'|'.join(CHALLENGE_DENSITIES)})(?![a-z])",
    re.IGNORECASE,
)


class ChallengeLabels(NamedTuple):
    """Which of the Particle Tracking Challenge's movies it is.

    Attributes:
        scenario: One of `CHALLENGE_SCENARIOS`.
        density: One of `CHALLENGE_DENSITIES`.
        snr: Signal-to-noise ratio, in the challenge 1, 2, 4 or 7.
    """

    scenario: str
    density: str
    snr: int

    def __str__(self) -> str:
        return f"{self.scenario.upper()} snr {self.snr} density {self.density}"

    @property
    def place(self) -> tuple[int, int, int]:
        """Sorts movies as the challenge lists them: by scenario, from low to high density, by SNR."""
        return CHALLENGE_SCENARIOS.index(self.scenario), CHALLENGE_DENSITIES.index(self.density), self.snr


def labels_in_name(name: str) -> ChallengeLabels | None:
    """The labels that the name of a file or folder holds, in any case and with any separators; None without them."""
    match = _LABELS.search(name)
    return ChallengeLabels(match[1].lower(), match[3].lower(), int(match[2])) if match else None


def labels_in_xml(path: Path) -> tuple[bool, ChallengeLabels | None]:
    """Whether a file holds tracks in the challenge's format, and the labels that it has as attributes, if any.

    No more than the start of the file is read.

    Raises:
        TrackingError: It is not well-formed up to there, or declares a document type.
        OSError: It cannot be read.
    """
    start = _Start()
    with suppress(_Found):
        read_xml(path, start)
    if start.attributes is None:
        return False, None
    words = [start.attributes.get(name, "") for name in ("scenario", "snr", "density")]
    return True, labels_in_name(f"{words[0]} snr {words[1].removesuffix('.0')} density {words[2]}")


class _Found(Exception):
    pass


class _Start(ContentHandler):
    """Stops at the element that holds the particles, or at the second one that is no such element."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.attributes: dict[str, str] | None = None

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        self.depth += 1
        if name.lower() == "trackcontestisbi2012":
            self.attributes = {key.lower(): value for key, value in attrs.items()}
            raise _Found
        if self.depth > 1:
            raise _Found
