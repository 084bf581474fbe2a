from collections.abc import Callable
from pathlib import Path

from tracking.errors import TrackingError
from tracking.io.challenge_xml import read_challenge_xml
from tracking.io.csv_tracks import read_csv_tracks
from tracking.io.napari_layer import read_napari_layer
from tracking.io.parquet_tracks import read_parquet_tracks
from tracking.io.read_geff import read_geff
from tracking.io.read_trackmate import read_trackmate, read_trackmate_simple
from tracking.io.safe_xml import shortened, xml_root
from tracking.tracks import Tracks

_BY_SUFFIX: dict[str, Callable[[Path], Tracks]] = {
    ".csv": read_csv_tracks,
    ".parquet": read_parquet_tracks,
    ".npz": read_napari_layer,
    ".geff": read_geff,
    ".zarr": read_geff,
}
_BY_ROOT: dict[str, Callable[[Path], Tracks]] = {
    "root": read_challenge_xml,
    "trackcontestisbi2012": read_challenge_xml,
    "trackmate": read_trackmate,
    "tracks": read_trackmate_simple,
}


def read_tracks(path: str | Path) -> Tracks:
    """Read tracks from a file, or a folder, of a known format.

    The format goes by the suffix, for ``.xml`` by the outermost element: ``.csv`` (trackpy's table), ``.parquet``,
    ``.npz`` (napari layer), ``.geff`` or ``.zarr`` (GEFF), and ``.xml`` of the Particle Tracking Challenge or of
    TrackMate (its own file, and the simple one that it exports).

    Raises:
        TrackingError: the file is absent or cannot be read, its format is unknown, or it does not hold tracks.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if not path.exists():
        raise TrackingError(f"`{path}` does not exist")
    if suffix != ".xml" and suffix not in _BY_SUFFIX:
        raise TrackingError(
            f"`{path}` must be a track file with one of the suffixes {', '.join(('.xml', *_BY_SUFFIX))}, "
            f"got {suffix or 'none'}"
        )
    if path.is_dir() != (suffix in (".geff", ".zarr")):
        raise TrackingError(f"`{path}` must be a {'file, got a folder' if path.is_dir() else 'folder, got a file'}")
    try:
        if suffix != ".xml":
            return _BY_SUFFIX[suffix](path)
        root = xml_root(path)
        if root.lower() not in _BY_ROOT:
            raise TrackingError(
                f"`{path}` must be tracks of the Particle Tracking Challenge (<root>) or of TrackMate (<TrackMate> or "
                f"<Tracks>), but its outermost element is {shortened(root)}"
            )
        return _BY_ROOT[root.lower()](path)
    except OSError as error:
        raise TrackingError(f"`{path}` could not be read: {error.strerror or error}") from error
