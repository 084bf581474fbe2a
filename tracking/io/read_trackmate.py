import math
import re
from array import array
from dataclasses import dataclass, replace
from pathlib import Path
from xml.sax.xmlreader import AttributesImpl

import numpy as np
import pandas as pd

from tracking.errors import TrackingError
from tracking.io.labelled_particles import forward, labelled_particles
from tracking.io.particle_xml import read_particles
from tracking.io.physical_units import micrometres, seconds
from tracking.io.safe_xml import XmlHandler, read_xml, shortened
from tracking.io.tracks_from_table import LAST_FRAME, tracks_from_table
from tracking.tracks import Tracks

# Attributes of a spot that are no columns: its name, its outline, and what stands in other columns.
_NO_COLUMN = {"ID", "name", "ROI_N_POINTS", "FRAME", "VISIBILITY", *(f"POSITION_{axis}" for axis in "XYZT")}
_POWER_OF_LENGTH = {"LENGTH": 1, "POSITION": 1, "AREA": 2}
_LARGEST_ID = 2**31 - 1


def read_trackmate(path: str | Path, *, with_hidden: bool = False) -> Tracks:
    """Read tracks that TrackMate saved, version 2.1 (2014) and later.

    Positions in physical units become pixels and slices by the image's pixel size and slice distance. Links with splits
    and merges become particles with parents. Spots outside of tracks and tracks that TrackMate's filters hide are left
    out. Features of spots become columns named in small letters (``quality``, ``radius``, ``mean_intensity_ch1``), and
    lengths and areas among them are converted to pixels; outlines of spots, features of links and tracks, settings and
    display are left out. Where no z differs from 0 and the image has one slice, the tracks are two-dimensional.

    A feature ``PARTICLE``, as `tracking.io.write_trackmate.write_trackmate` writes, numbers the particles if it still
    fits the links, and keeps particles of one spot.

    Args:
        path: the file.
        with_hidden: read tracks, too, that TrackMate's filters hide.

    Raises:
        TrackingError: not a TrackMate file, older than 2.1, damaged, without tracks though there are spots, pixels that
            are not square, or a number that cannot be.
        OSError: the file cannot be read.

    Source: TrackMate's own reader, ``fiji.plugin.trackmate.io.TmXmlReader``.
    """
    path = Path(path)
    found = _Handler(path)
    read_xml(path, found)
    if not found.has_model:
        raise TrackingError(f"`{path}` is a TrackMate file without a Model: it holds no tracks")
    # Spots may have nothing but a position, and are rows all the same.
    spots = pd.DataFrame({name: found.column(name) for name in found.columns}, index=range(len(found.ids)))
    label = _labels(spots.pop("PARTICLE")) if "PARTICLE" in spots else None
    links = _links(path, found, with_hidden)
    try:
        links = forward(found.frames, links)
        is_used = np.zeros(len(spots), bool)
        is_used[links] = True
        if label is not None:
            is_used |= _alone(label)
        if len(spots) and not is_used.any() and not found.track_ids:
            raise TrackingError(f"holds {len(spots)} spots but no tracks; link them first")
        row = np.cumsum(is_used) - 1
        frame = found.frames[is_used]
        particle, parents = labelled_particles(frame, row[links], None if label is None else label[is_used])
    except TrackingError as error:
        raise TrackingError(f"`{path}`: {error}") from error
    table = _in_pixels(found, spots[is_used])
    table.insert(0, "frame", frame)
    table.insert(1, "particle", particle)
    return tracks_from_table(path, table, parents, **found.scale.units(is_3d="z" in table))


def read_trackmate_simple(path: str | Path) -> Tracks:
    """Read the file that TrackMate's action "Export tracks to XML file" writes: ``<Tracks><particle><detection>``.

    The format holds no pixel size. Where its positions are in a unit of length, a pixel stands for one such unit, so
    that distances are right, and the z of three-dimensional tracks likewise.

    Raises:
        TrackingError: not such a file, or a detection that cannot be.
        OSError: the file cannot be read.
    """
    path = Path(path)
    spots, attributes = read_particles(path, "Tracks")
    pixel_size = micrometres(attributes.get("spaceunits"))
    try:
        interval, factor = float(attributes.get("frameinterval", "nan")), seconds(attributes.get("timeunits"))
    except ValueError as error:
        shown = shortened(attributes["frameinterval"])
        raise TrackingError(f"`{path}`: frameInterval must be a number, got {shown}") from error
    frame_interval = interval * factor if factor and math.isfinite(interval) and interval > 0 else None
    z_step = pixel_size if "z" in spots else None
    return tracks_from_table(path, spots, pixel_size=pixel_size, z_step=z_step, frame_interval=frame_interval)


@dataclass(frozen=True)
class _Scale:
    """Size of a pixel and distance of slices in the file's unit of length, and how many slices the image has."""

    width: float = 1.0
    height: float = 1.0
    depth: float = 1.0
    interval: float = 0.0
    slices: int = 1
    space_unit: str = ""
    time_unit: str = ""

    def units(self, is_3d: bool) -> dict[str, float | None]:
        length, time = micrometres(self.space_unit), seconds(self.time_unit)
        return {
            "pixel_size": length and length * self.width,
            # TrackMate writes 1 for images of one slice.
            "z_step": length and length * self.depth if is_3d else None,
            "frame_interval": (time and time * self.interval) or None,
        }


class _Handler(XmlHandler):
    """Takes spots, links and the image's scale out of the file, everything in the file's own numbers and units."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.has_model = False
        self.scale = _Scale()
        self.section = ""
        self.is_whole: dict[str, bool] = {}
        self.dimension: dict[str, str] = {}
        self.frame = self.track = 0
        self.ids, self.frame_of_spot = array("q"), array("q")
        self.position = {axis: array("d") for axis in ("x", "y", "z")}
        self.columns: dict[str, array[float]] = {}
        self.sources, self.targets, self.track_of_link = array("q"), array("q"), array("q")
        self.track_ids: set[int] = set()
        self.visible: set[int] | None = None

    @property
    def frames(self) -> np.ndarray:
        return np.array(self.frame_of_spot)

    def column(self, name: str) -> np.ndarray:
        """Values of a feature; whole numbers where the file declares them so and none is missing."""
        values = np.array(self._padded(name, len(self.ids)))
        is_whole = self.is_whole.get(name, False) and np.isfinite(values).all() and (values == np.floor(values)).all()
        return values.astype(np.int64) if is_whole else values

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        if name == "Spot":
            self._add_spot(attrs)
        elif name == "Edge":
            self.sources.append(self.whole_number(attrs, "SPOT_SOURCE_ID", _LARGEST_ID))
            self.targets.append(self.whole_number(attrs, "SPOT_TARGET_ID", _LARGEST_ID))
            self.track_of_link.append(self.track)
        elif name == "SpotsInFrame":
            self.frame = self.whole_number(attrs, "frame", LAST_FRAME)
        elif name == "Track":
            self.track = self.whole_number(attrs, "TRACK_ID", _LARGEST_ID)
            self.track_ids.add(self.track)
        elif name == "TrackID" and self.visible is not None:
            self.visible.add(self.whole_number(attrs, "TRACK_ID", _LARGEST_ID))
        elif name == "FilteredTracks":
            self.visible = set()
        elif name in ("SpotFeatures", "EdgeFeatures", "TrackFeatures"):
            self.section = name
        elif name == "Feature" and self.section == "SpotFeatures":
            self.is_whole[attrs.get("feature", "")] = attrs.get("isint") == "true"
            self.dimension[attrs.get("feature", "")] = attrs.get("dimension", "")
        elif name == "Model":
            self.has_model = True
            self.scale = replace(
                self.scale, space_unit=attrs.get("spatialunits", ""), time_unit=attrs.get("timeunits", "")
            )
        elif name == "ImageData":
            self._take_image(attrs)
        elif name == "TrackMate":
            self._require_version(attrs.get("version", ""))

    def _add_spot(self, attrs: AttributesImpl) -> None:
        row = len(self.ids)
        self.ids.append(self.whole_number(attrs, "ID", _LARGEST_ID))
        self.frame_of_spot.append(self.frame)
        self.position["x"].append(self.number(attrs, "POSITION_X"))
        self.position["y"].append(self.number(attrs, "POSITION_Y"))
        self.position["z"].append(self.number(attrs, "POSITION_Z", 0.0))
        for name, text in attrs.items():
            if name in _NO_COLUMN:
                continue
            try:
                self._padded(name, row).append(float(text))
            except ValueError as error:
                raise self.refusal(f"{name} must be a number, got {shortened(text)}") from error

    def _padded(self, name: str, length: int) -> "array[float]":
        """The feature's values so far, NaN for spots without it."""
        column = self.columns.setdefault(name, array("d"))
        if len(column) < length:
            column.extend([math.nan] * (length - len(column)))
        return column

    def _take_image(self, attrs: AttributesImpl) -> None:
        width, height = self.number(attrs, "pixelwidth", 1.0), self.number(attrs, "pixelheight", 1.0)
        depth = self.number(attrs, "voxeldepth", 1.0)
        if min(width, height, depth) <= 0:
            raise self.refusal("pixelwidth, pixelheight and voxeldepth must be positive")
        if not math.isclose(width, height, rel_tol=1e-6):
            raise self.refusal(f"pixels must be square, got {width} times {height}")
        interval = max(self.number(attrs, "timeinterval", 0.0), 0.0)
        slices = self.whole_number(attrs, "nslices", _LARGEST_ID) if "nslices" in attrs else 1
        self.scale = replace(self.scale, width=width, height=height, depth=depth, interval=interval, slices=slices)

    def _require_version(self, version: str) -> None:
        numbers = re.match(r"(\d+)\.(\d+)", version)
        if numbers and (int(numbers[1]), int(numbers[2])) < (2, 1):
            raise self.refusal(
                f"the file is of TrackMate {shortened(version)}, but 2.1 or later is needed; "
                "open it in TrackMate 6 and save it anew"
            )


def _links(path: Path, found: _Handler, with_hidden: bool) -> np.ndarray:
    """Links of the tracks that are wanted, as rows of the table of spots."""
    ids = np.array(found.ids)
    order = np.argsort(ids)
    if (twice := np.flatnonzero(np.diff(ids[order]) == 0)).size:
        raise TrackingError(f"`{path}` is damaged: two spots have the ID {ids[order][twice[0]]}")
    links = np.stack([np.array(found.sources), np.array(found.targets)], axis=1)
    if found.visible is not None and not with_hidden:
        links = links[np.isin(np.array(found.track_of_link), list(found.visible))]
    place = np.searchsorted(ids[order], links)
    is_known = place < len(ids)
    is_known[is_known] = ids[order][place[is_known]] == links[is_known]
    if not is_known.all():
        raise TrackingError(f"`{path}` is damaged: a link names the spot {links[~is_known][0]}, which is not there")
    rows: np.ndarray = order[place]
    return rows.reshape(-1, 2)


def _labels(values: pd.Series) -> np.ndarray | None:
    """Numbers of particles, -1 where there is none."""
    numbers = values.fillna(-1).to_numpy(np.float64)
    is_whole = (np.abs(numbers) < 2**53).all() and (numbers == np.floor(numbers)).all()
    return numbers.astype(np.int64) if is_whole else None


def _alone(label: np.ndarray) -> np.ndarray:
    """Which spots are the only one of their particle."""
    _, inverse, counts = np.unique(label, return_inverse=True, return_counts=True)
    alone: np.ndarray = (counts[inverse] == 1) & (label >= 0)
    return alone


def _in_pixels(found: _Handler, spots: pd.DataFrame) -> pd.DataFrame:
    """The table of these spots with positions, lengths and areas in pixels, and columns in small letters."""
    scale, rows = found.scale, spots.index.to_numpy()
    size = {"x": scale.width, "y": scale.height, "z": scale.depth}
    table = {axis: np.array(values)[rows] / size[axis] for axis, values in found.position.items()}
    if scale.slices <= 1 and not table["z"].any():
        del table["z"]
    for name, values in spots.items():
        column = str(name).swapcase() if str(name).isupper() or str(name).islower() else str(name)
        if column in ("frame", "particle", "x", "y", "z"):
            raise TrackingError(
                f"`{found.path}`: its feature {name} cannot be a column, as tracks have {column} already"
            )
        power = _POWER_OF_LENGTH.get(found.dimension.get(str(name), ""), 0)
        table[column] = values.to_numpy() / scale.width**power if power else values.to_numpy()
    return pd.DataFrame(table)
