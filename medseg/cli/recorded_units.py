import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracking.tracks import Tracks


def with_recorded_units(tracks: "Tracks", path: Path) -> "Tracks":
    """Tracks with the sizes of their movie where ``path`` is an output of `medseg track` whose ``run.json`` has them.

    Formats such as CSV hold none; sizes that the tracks have already stay.
    """
    if path.name not in ("tracks.csv", "tracks.xml"):
        return tracks
    try:
        record = json.loads((path.parent / "run.json").read_text(encoding="utf-8"))
        movie = record["params"]["movie"] if record["command"] == "track" else {}
        recorded = {name: movie.get(name) for name in ("pixel_size", "z_step", "frame_interval")}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return tracks
    known = {name: value for name, value in recorded.items() if isinstance(value, int | float) and value > 0}
    return replace(
        tracks,
        pixel_size=tracks.pixel_size or known.get("pixel_size"),
        z_step=tracks.z_step or known.get("z_step"),
        frame_interval=tracks.frame_interval or known.get("frame_interval"),
    )
