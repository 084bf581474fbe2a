from pathlib import Path
from typing import TYPE_CHECKING

from medseg.errors import UserError

if TYPE_CHECKING:
    from tracking.tracks import Tracks


def read_truth(path: Path) -> "Tracks":
    """True tracks, to score others by.

    Raises:
        UserError: there is none in the file, so that no measure is defined.
    """
    from tracking.io import read_tracks

    truth = read_tracks(path)
    if truth.spots.empty:
        raise UserError(f"`{path}` holds no track, so the measures are undefined: give the file of the truth")
    return truth
