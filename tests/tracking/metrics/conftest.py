import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tracking.tracks import Tracks


@pytest.fixture(scope="session")
def read_tracks() -> Callable[[Path], Tracks]:
    """Reads a file in the challenge's format."""

    def read(path: Path) -> Tracks:
        rows = [
            (int(spot.attrib["t"]), particle, *(float(spot.get(axis, 0)) for axis in ("x", "y", "z")))
            for particle, node in enumerate(ElementTree.parse(path).iter("particle"))
            for spot in node
        ]
        return Tracks.create(pd.DataFrame(rows, columns=["frame", "particle", "x", "y", "z"]))

    return read


@pytest.fixture(scope="session")
def draw() -> Callable[..., Tracks]:
    """Tracks from drawings, one a particle: a character a frame, which is x, or a dot for no point; y is 0."""

    def drawn(*particles: str) -> Tracks:
        rows = [
            (frame, particle, float(x), 0.0)
            for particle, line in enumerate(particles)
            for frame, x in enumerate(line)
            if x != "."
        ]
        return Tracks.create(pd.DataFrame(rows, columns=["frame", "particle", "x", "y"]))

    return drawn
