from array import array
from pathlib import Path
from xml.sax.xmlreader import AttributesImpl

import numpy as np
import pandas as pd

from tracking.io.safe_xml import XmlHandler, read_xml
from tracking.io.tracks_from_table import LAST_FRAME


def read_particles(path: Path, container: str) -> tuple[pd.DataFrame, dict[str, str]]:
    """Read a file of ``<particle>`` elements that hold ``<detection t= x= y= z=>`` elements.

    Names may be written in any case and attributes in any order; a missing x, y or z counts as 0. Particles are
    numbered from 0 in the order of the file; those without a detection are left out.

    Args:
        path: the file.
        container: the element that holds the particles.

    Returns:
        The table of `tracking.tracks.Tracks`, with a column ``z`` only if a z differs from 0, and the container's
        attributes with names in small letters.

    Raises:
        TrackingError: not such a file, or a detection without a t, with a t that is not a whole number from 0, with a t
            that its particle has already, or with a coordinate that is not a finite number.
    """
    handler = _ParticleHandler(path, container)
    read_xml(path, handler)
    names = ("frame", "particle", "x", "y", "z")
    columns = (handler.frame, handler.particle, handler.x, handler.y, handler.z)
    table = pd.DataFrame({name: np.array(column) for name, column in zip(names, columns, strict=True)})
    return table if table["z"].any() else table.drop(columns="z"), handler.container_attributes or {}


class _ParticleHandler(XmlHandler):
    def __init__(self, path: Path, container: str) -> None:
        super().__init__(path)
        self.container = container
        self.container_attributes: dict[str, str] | None = None
        self.depth = 0
        self.particle_number = -1
        self.frames_of_particle: set[int] | None = None
        self.particle, self.frame = array("q"), array("q")
        self.x, self.y, self.z = array("d"), array("d"), array("d")

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        name = name.lower()
        self.depth += 1
        if self.container_attributes is None:
            if name == self.container.lower():
                self.container_attributes = _lower(attrs)
            elif self.depth > 1:
                raise self.missing_container(f"<{name}>")
        elif name == "detection":
            self._add(_lower(attrs))
        elif name == "particle":
            self.frames_of_particle = set()
            self.particle_number += 1

    def endElement(self, name: str) -> None:
        self.depth -= 1
        if self.depth == 0 and self.container_attributes is None:
            raise self.missing_container("nothing")
        if name.lower() == "particle":
            if not self.frames_of_particle:
                self.particle_number -= 1
            self.frames_of_particle = None

    def missing_container(self, found: str) -> Exception:
        return self.refusal(f"a file of this format holds <{self.container}>, but here stands {found}")

    def _add(self, attributes: dict[str, str]) -> None:
        if self.frames_of_particle is None:
            raise self.refusal("a detection stands outside of every particle")
        frame = self.whole_number(attributes, "t", LAST_FRAME)
        if frame in self.frames_of_particle:
            raise self.refusal(f"the particle has two detections at t = {frame}")
        self.frames_of_particle.add(frame)
        self.particle.append(self.particle_number)
        self.frame.append(frame)
        self.x.append(self.number(attributes, "x", 0.0))
        self.y.append(self.number(attributes, "y", 0.0))
        self.z.append(self.number(attributes, "z", 0.0))


def _lower(attributes: AttributesImpl) -> dict[str, str]:
    return {name.lower(): value for name, value in attributes.items()}
