import numpy as np
import pandas as pd

from tracking.errors import TrackingError
from tracking.tracks import Tracks

_MOST = 10**8  # points that may be filled in; more are a frame number gone wrong, and would fill the memory


def fill_gaps(tracks: Tracks) -> Tracks:
    """Put a spot into every frame a particle misses between its first and its last, on the straight line between.

    The new spots are marked in the column ``virtual``; what was not measured there is NaN. Between a particle and its
    parents nothing is filled.

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
    filled = {"frame": frame[before] + step, "particle": particle[before], "virtual": True}
    for name in tracks.axes:
        values = spots[name].to_numpy()[order]
        filled[name] = values[before] + share * (values[before + 1] - values[before])
    return tracks.with_spots(pd.concat([spots, pd.DataFrame(filled)], ignore_index=True))
