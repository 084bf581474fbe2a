from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from tracking.errors import TrackingError
from tracking.tracks import Tracks

# Hours of the fastest cameras. A track file with a later frame is damaged, and filling the gap before it would fill the
# memory.
LAST_FRAME = 10_000_000


def tracks_from_table(
    path: Path,
    spots: pd.DataFrame,
    parents: Mapping[int, tuple[int, ...]] | None = None,
    *,
    pixel_size: float | None = None,
    z_step: float | None = None,
    frame_interval: float | None = None,
) -> Tracks:
    """Tracks of what was read from a file.

    Raises:
        TrackingError: as `Tracks.create`, with the file's name before it, or a frame lies beyond `LAST_FRAME`.
    """
    try:
        tracks = Tracks.create(spots, parents, pixel_size=pixel_size, z_step=z_step, frame_interval=frame_interval)
    except TrackingError as error:
        raise TrackingError(f"`{path}`: {error}") from error
    if len(tracks.spots) and (last := int(tracks.spots["frame"].max())) > LAST_FRAME:
        raise TrackingError(f"`{path}`: frames must be whole numbers from 0 to {LAST_FRAME}, got {last}")
    return tracks
