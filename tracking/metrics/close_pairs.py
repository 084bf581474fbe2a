import math

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from tracking.errors import TrackingError
from tracking.tracks import LARGEST_COORDINATE


def close_pairs(
    reference: pd.DataFrame, candidate: pd.DataFrame, gate: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of points of one frame that are nearer to one another than the gate.

    Time and memory grow with the number of such pairs, not with the number of points squared.

    Args:
        reference: Points with the columns ``frame``, ``x``, ``y`` and, in three dimensions, ``z``; a missing z is 0.
        candidate: Points likewise.
        gate: Distances strictly below this count, in pixels.

    Returns:
        Row numbers in ``reference``, row numbers in ``candidate`` and distances, each of shape ``(m,)``.

    Raises:
        TrackingError: The gate is not a positive number up to 1e9.
    """
    if not (math.isfinite(gate) and gate > 0):
        raise TrackingError(f"the gate must be a positive number of pixels, got {gate}")
    if gate > LARGEST_COORDINATE:
        raise TrackingError(f"the gate must be at most {LARGEST_COORDINATE:g} pixels, got {gate:g}")
    if reference.empty or candidate.empty:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    n = len(reference)
    both = np.concatenate([reference["frame"], candidate["frame"]])
    rank = np.unique(both, return_inverse=True)[1]
    # One search for the whole movie: frames lie farther apart than the gate, on an axis of their own.
    apart = 2 * gate * rank[:, None]
    points = np.hstack([apart, np.concatenate([_positions(reference), _positions(candidate)])])
    close = cKDTree(points[:n]).sparse_distance_matrix(cKDTree(points[n:]), gate, output_type="ndarray")
    close = close[close["v"] < gate]
    return close["i"].astype(np.int64), close["j"].astype(np.int64), close["v"].astype(np.float64)


def _positions(points: pd.DataFrame) -> np.ndarray:
    """Positions (z, y, x), shape ``(n, 3)``, whether there is a z or not."""
    axes = [points[axis].to_numpy(np.float64) if axis in points else np.zeros(len(points)) for axis in ("z", "y", "x")]
    return np.stack(axes, axis=1)
