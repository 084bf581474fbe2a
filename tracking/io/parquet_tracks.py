import json
from pathlib import Path
from typing import Any

from tracking.atomic import atomic_path
from tracking.errors import TrackingError
from tracking.io.tracks_from_table import tracks_from_table
from tracking.tracks import Tracks

# Key of the file's metadata under which stands, as JSON, what a table cannot hold.
METADATA_KEY = b"medseg.tracks"


def read_parquet_tracks(path: str | Path) -> Tracks:
    """Read tracks from an Apache Parquet file.

    Any file with the columns frame, particle, x and y will do; merges, splits and units stand only in files that
    `write_parquet_tracks` wrote.

    Raises:
        TrackingError: not a Parquet file, it is damaged, or it holds no tracks.
        OSError: the file cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    try:
        with path.open("rb") as stream:
            # One file: given a path, read_table would take folder names such as a=1 for columns.
            stored = pq.ParquetFile(stream).read()
        spots = stored.to_pandas()
    except (pa.ArrowException, ValueError, TypeError, KeyError) as error:
        raise TrackingError(f"`{path}` is not a Parquet file, or it is damaged: {_first_line(error)}") from error
    try:
        more = json.loads((stored.schema.metadata or {}).get(METADATA_KEY, b"{}"))
        parents = {int(child): tuple(map(int, of)) for child, of in more.get("parents", {}).items()}
        units = {name: _number(more.get(name)) for name in ("pixel_size", "z_step", "frame_interval")}
    except (ValueError, TypeError, AttributeError) as error:
        raise TrackingError(f"`{path}` is damaged: its metadata {METADATA_KEY.decode()} cannot be read") from error
    return tracks_from_table(path, spots, parents, **units)


def write_parquet_tracks(path: str | Path, tracks: Tracks) -> None:
    """Write tracks as an Apache Parquet file, which holds everything exactly: all columns, merges, splits, units.

    Raises:
        TrackingError: a column holds things that are neither numbers nor text, or the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pa.Table.from_pandas(tracks.spots, preserve_index=False)
    except (pa.ArrowException, TypeError) as error:
        raise TrackingError(f"`{path}`: the tracks cannot be written as Parquet: {_first_line(error)}") from error
    more = {
        "parents": {str(child): list(of) for child, of in tracks.parents.items()},
        "pixel_size": tracks.pixel_size,
        "z_step": tracks.z_step,
        "frame_interval": tracks.frame_interval,
    }
    metadata = {**(table.schema.metadata or {}), METADATA_KEY: json.dumps(more).encode()}
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
