from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from tracking.atomic import atomic_path
from tracking.errors import TrackingError
from tracking.io.particle_xml import read_particles
from tracking.io.tracks_from_table import tracks_from_table
from tracking.tracks import Tracks


def read_challenge_xml(path: str | Path) -> Tracks:
    """Read tracks in the format of the Particle Tracking Challenge.

    ``<root><TrackContestISBI2012 snr= density= scenario=><particle><detection t= x= y= z=/>...``, t counted from 0, x
    and y in pixels with 0 at the centre of the first, z in slices. Names may be written in any case and attributes in
    any order; a missing x, y or z counts as 0, and t may be written ``3.0``. Particles are numbered from 0 in the order
    of the file. Where every z is 0 the tracks are two-dimensional. No particle at all is a valid file.

    Raises:
        TrackingError: not such a file, or a detection's t is missing, not a whole number from 0, or stands twice in a
            particle, or a coordinate is not a finite number.
        OSError: the file cannot be read.

    Source: Chenouard et al. 2014, doi:10.1038/nmeth.2808, and the files of the challenge.
    """
    path = Path(path)
    spots, _ = read_particles(path, "TrackContestISBI2012")
    return tracks_from_table(path, spots)


def write_challenge_xml(
    path: str | Path, tracks: Tracks, *, snr: str = "?", density: str = "?", scenario: str = "?"
) -> None:
    """Write tracks in the format of the Particle Tracking Challenge.

    The format holds t, x, y and z alone, which are read back exactly. Lost are the numbers of the particles (only their
    order stays), all other columns (among them standard errors, probabilities, and which spots are virtual: those are
    written as ordinary detections), pixel size, slice distance and frame interval; and three-dimensional tracks with
    every z at 0 are read back as two-dimensional.

    Args:
        path: the file to write.
        tracks: particles without merges and splits.
        snr: as the challenge names it, such as ``"4"``.
        density: ``"low"``, ``"mid"`` or ``"high"``.
        scenario: such as ``"RECEPTOR"``.

    Raises:
        TrackingError: there are merges or splits, or the file cannot be written.
    """
    if tracks.parents:
        raise TrackingError(
            f"`{path}`: the challenge's format cannot hold the {len(tracks.parents)} particles that begin by a split "
            "or a merge; write csv, parquet, trackmate, napari or geff"
        )
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<root>\n')
        labels = f"snr={quoteattr(snr)} density={quoteattr(density)} scenario={quoteattr(scenario)}"
        file.write(f"<TrackContestISBI2012 {labels}>\n")
        file.writelines(_particles(tracks))
        file.write("</TrackContestISBI2012>\n</root>\n")


def _particles(tracks: Tracks) -> Iterator[str]:
    """Elements of the particles in ascending order, a particle at a time."""
    spots = tracks.spots.sort_values(["particle", "frame"], ignore_index=True)
    columns = [spots[name].to_numpy() for name in ("frame", "x", "y")]
    columns.append(spots["z"].to_numpy() if "z" in spots else np.zeros(len(spots), np.int64))
    starts = np.flatnonzero(np.diff(spots["particle"].to_numpy(), prepend=-1))
    for start, end in zip(starts, np.append(starts, len(spots))[1:], strict=True):
        rows = zip(*(column[start:end].tolist() for column in columns), strict=True)
        yield "<particle>\n"
        # Python writes the shortest digits that give the same number back.
        yield "".join(f'<detection t="{t}" x="{x!r}" y="{y!r}" z="{z!r}"/>\n' for t, x, y, z in rows)
        yield "</particle>\n"
