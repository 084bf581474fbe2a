import numpy as np
import pandas as pd

from tracking.errors import TrackingError
from tracking.linking.linking import GapPoints
from tracking.tracks import Tracks

_MOST = 10**8  # points that may be filled in; more are a frame number gone wrong, and would fill the memory


def fill_gaps(tracks: Tracks, expected: GapPoints | None = None) -> Tracks:
    """Put a spot into every frame a particle misses between its first and its last.

    It lies where it is expected, with the standard errors and covariances of that expectation, or else on the straight
    line between its neighbours. The new spots are marked in the column ``virtual``; a ``link_probability`` is that of
    the link across the gap, a ``track_probability`` that of the particle, and what else was not measured there is NaN.
    Between a particle and its parents nothing is filled.

    Args:
        tracks: With gaps or without.
        expected: Where the particles of ``tracks`` are expected. Of frames in which they were not missed it is ignored.

    Raises:
        TrackingError: More than a hundred million points would be filled in.
    """
    spots = tracks.spots.assign(virtual=tracks.spots.get("virtual", False))
    order = np.lexsort((spots["frame"].to_numpy(), spots["particle"].to_numpy()))
    frame, particle = spots["frame"].to_numpy()[order], spots["particle"].to_numpy()[order]
    missing = np.where(particle[1:] == particle[:-1], np.diff(frame) - 1, 0)
    if not missing.any():
        return tracks.with_spots(spots)
    if missing.sum() > _MOST:
        worst = int(np.argmax(missing))
        raise TrackingError(
            f"particle {particle[worst]} is missing from frame {frame[worst] + 1} to {frame[worst + 1] - 1}: are the "
            "frames numbered right?"
        )
    before = np.repeat(np.arange(len(missing)), missing)
    step = np.arange(len(before)) - np.repeat(np.cumsum(missing) - missing, missing) + 1
    share = step / (missing[before] + 1)
    filled = pd.DataFrame({"frame": frame[before] + step, "particle": particle[before], "virtual": True})
    for name in tracks.axes:
        values = spots[name].to_numpy()[order]
        filled[name] = values[before] + share * (values[before + 1] - values[before])
    for name in ("link_probability", "track_probability"):
        if name in spots:
            filled[name] = spots[name].to_numpy()[order[before + 1]]
    if expected is not None:
        _put(filled, expected, tracks.axes)
    return tracks.with_spots(pd.concat([spots, filled], ignore_index=True))


def _put(filled: pd.DataFrame, expected: GapPoints, axes: tuple[str, ...]) -> None:
    """Move points to where they are expected, and say how exactly that is known."""
    known = pd.MultiIndex.from_arrays([expected.frame, expected.particle])
    place = known.get_indexer(pd.MultiIndex.from_frame(filled[["frame", "particle"]]))
    is_known = place >= 0
    place = place[is_known]
    columns = {}
    for row, first in enumerate(axes):
        columns[first] = expected.position[place, row]
        columns[f"{first}_std"] = np.sqrt(np.maximum(expected.covariance[place, row, row], 0))
        for column, second in enumerate(axes[:row]):
            # Axes go z, y, x, and names x before y before z.
            columns[f"{first}{second}_cov"] = expected.covariance[place, row, column]
    for name, values in columns.items():
        whole = filled[name].to_numpy().copy() if name in filled else np.full(len(filled), np.nan)
        whole[is_known] = values
        filled[name] = whole
