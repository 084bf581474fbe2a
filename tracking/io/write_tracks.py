from collections.abc import Callable
from pathlib import Path

from tracking.errors import TrackingError
from tracking.io.challenge_xml import write_challenge_xml
from tracking.io.csv_tracks import write_csv_tracks
from tracking.io.napari_layer import write_napari_layer
from tracking.io.parquet_tracks import write_parquet_tracks
from tracking.io.write_geff import write_geff
from tracking.io.write_trackmate import write_trackmate
from tracking.tracks import Tracks

_WRITERS: dict[str, Callable[[Path, Tracks], None]] = {
    "csv": write_csv_tracks,
    "parquet": write_parquet_tracks,
    "challenge": write_challenge_xml,
    "trackmate": write_trackmate,
    "napari": write_napari_layer,
    "geff": write_geff,
}
# The first that fits a name is taken.
_SUFFIXES = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".trackmate.xml": "trackmate",
    ".xml": "challenge",
    ".npz": "napari",
    ".geff": "geff",
}
TRACK_FORMATS = tuple(_WRITERS)


def write_tracks(path: str | Path, tracks: Tracks, file_format: str | None = None) -> None:
    """Write tracks to a file; the file is either whole or not there.

    Args:
        path: the file, for GEFF a folder. One that is there is replaced.
        tracks: what to write. What a format cannot hold is said at its writer; merges and splits are never lost in
            silence.
        file_format: one of `TRACK_FORMATS`; if None it goes by the suffix: ``.csv``, ``.parquet``, ``.xml`` (the
            challenge's), ``.trackmate.xml``, ``.npz`` (napari) or ``.geff``.

    Raises:
        TrackingError: the format is unknown or cannot hold these tracks, or the file cannot be written.
    """
    path = Path(path)
    if file_format is None:
        known = (name for suffix, name in _SUFFIXES.items() if path.name.lower().endswith(suffix))
        file_format = next(known, None)
        if file_format is None:
            raise TrackingError(
                f"`{path}` must end in a known suffix, {', '.join(_SUFFIXES)}, got {path.suffix or 'none'}"
            )
    if file_format not in _WRITERS:
        raise TrackingError(f"the format of tracks must be one of {', '.join(TRACK_FORMATS)}, got {file_format}")
    _WRITERS[file_format](path, tracks)
