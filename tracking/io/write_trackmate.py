from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tracking.atomic import atomic_path
from tracking.io.trackmate_model import DEFAULT_RADIUS, LARGEST_INT, POWER_OF_LENGTH, TrackMateModel, attributes
from tracking.io.trackmate_settings import VERSION, feature_declarations, settings
from tracking.io.trackmate_tracks import tracks_elements
from tracking.tracks import Tracks

_DIMENSIONS = {0: "NONE", 1: "LENGTH", 2: "AREA"}


def write_trackmate(path: str | Path, tracks: Tracks) -> None:
    """Write tracks as a TrackMate file (the layout of version 7), with spots, links, settings and no image.

    A track of TrackMate is all that hangs together by splits and merges. Positions are in micrometres where the pixel
    size, and in three dimensions the slice distance, are known, and in pixels and slices otherwise. Columns become
    features of spots named in capitals, and ``PARTICLE`` numbers the particles, so that
    `tracking.io.read_trackmate.read_trackmate` gives the same particles back, those of one spot too (TrackMate itself
    shows such spots outside of tracks). The features of links and tracks are those that TrackMate computes; the cost of
    a link is its squared length.

    TrackMate needs a radius and a quality of each spot: they are the columns ``radius`` (or ``size`` times the square
    root of the number of axes; or 2.5) and ``quality`` (or ``signal``; or ``mass``; or 1), which are read back as
    columns.

    Lost are positions in micrometres to within rounding (a relative error of 2e-16), missing radii and qualities (they
    become 2.5 and 0), columns without any value, the slice distance of two-dimensional tracks, and in three dimensions
    the one of pixel size and slice distance that is known without the other.

    Raises:
        TrackingError: a column does not hold numbers or has a name that the format cannot hold or uses itself, a frame
            is beyond 2^31, or the file cannot be written.

    Source: TrackMate's reader ``fiji.plugin.trackmate.io.TmXmlReader``, and files that TrackMate 6 and 8 saved.
    """
    model = TrackMateModel.of(Path(path), tracks)
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<TrackMate version="{VERSION}">\n')
        file.write("<Log>Tracks written by medseg.</Log>\n")
        file.write(f'<Model spatialunits="{model.space_unit}" timeunits="{model.time_unit}">\n')
        file.write(feature_declarations([_declaration(key, values) for key, values in model.features.items()]))
        file.writelines(_spots(model))
        file.writelines(tracks_elements(model))
        file.write("</Model>\n")
        sizes = [max(1, int(min(values.max(initial=0), LARGEST_INT - 1)) + 1) for values in model.pixels]
        slices = max(sizes[2], 2) if "z" in tracks.spots else 1
        size = (sizes[0], sizes[1], slices, int(model.frame.max(initial=0)) + 1)
        file.write(
            settings(size=size, steps=(model.pixel, model.depth, model.interval), radius=DEFAULT_RADIUS * model.pixel)
        )
        file.write("</TrackMate>\n")


def _declaration(key: str, values: np.ndarray) -> tuple[str, str, str, bool]:
    return key, key.capitalize().replace("_", " "), _DIMENSIONS[POWER_OF_LENGTH.get(key, 0)], values.dtype.kind == "i"


def _spots(model: TrackMateModel) -> Iterator[str]:
    """The element ``AllSpots``, a frame at a time."""
    x, y, z = model.positions().T
    columns = {
        "ID": np.arange(len(x)),
        "QUALITY": model.quality,
        "POSITION_X": x,
        "POSITION_Y": y,
        "POSITION_Z": z,
        "POSITION_T": model.frame * model.interval,
        "FRAME": model.frame,
        "RADIUS": model.radius * model.pixel,
        "VISIBILITY": np.ones(len(x), np.int64),
        **model.features,
    }
    yield f'<AllSpots nspots="{len(x)}">\n'
    starts = np.flatnonzero(np.diff(model.frame, prepend=-1))
    for start, end in zip(starts, np.append(starts, len(x))[1:], strict=True):
        yield f'<SpotsInFrame frame="{model.frame[start]}">\n'
        part = {name: values[start:end] for name, values in columns.items()}
        yield "".join(
            f'<Spot name="ID{number}"{text}/>\n'
            for number, text in zip(range(start, end), attributes(part), strict=True)
        )
        yield "</SpotsInFrame>\n"
    yield "</AllSpots>\n"
