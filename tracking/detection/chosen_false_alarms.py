from collections.abc import Sequence
from dataclasses import replace

from tracking.detection.calibration import Frame
from tracking.detection.candidates import CandidateFinder

# The fewest false alarms per frame, and by how much they grow from try to try.
LEAST, STEP = 1.0, 2.0
# A lower threshold is worth while as long as more than this share of what it adds is true.
LEAST_TRUE = 0.5


def choose_false_alarms(finder: CandidateFinder, frames: Sequence[Frame]) -> float:
    """How many false alarms per frame are worth the faint spots that come with them.

    From one on they are doubled as long as, of the spots that are added, more than half are not explained by chance:
    the point at which the Jaccard index of detection is near its greatest. They never exceed what is found at one
    false alarm, so that a frame of few spots is not filled with noise or with the texture of the ground.

    Args:
        finder: Calibrated to the movie's noise.
        frames: Some frames of it.
    """
    chosen, found = LEAST, _found(finder, LEAST, frames)
    most = found
    while (tried := chosen * STEP) <= most:
        more = _found(finder, tried, frames)
        if more - found <= (tried - chosen) / (1 - LEAST_TRUE):
            break
        chosen, found = tried, more
    return chosen


def _found(finder: CandidateFinder, false_alarms: float, frames: Sequence[Frame]) -> float:
    """Spots found per frame."""
    tried = replace(finder, false_alarms=false_alarms)
    return sum(len(tried.find(*frame).positions) for frame in frames) / len(frames)
