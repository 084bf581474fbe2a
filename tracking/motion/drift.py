import numpy as np
import pandas as pd

from tracking.errors import TrackingError
from tracking.tracks import Tracks

# Displacements farther than this from the median, in robust standard deviations, do not count: wrong links, or
# particles that go their own way.
OUTLIER = 3.0


def estimate_drift(tracks: Tracks) -> pd.DataFrame:
    """The motion that all particles share, such as that of the stage, in pixels and slices.

    Between one frame that has spots and the next, drift is the mean displacement of the particles seen in both, without
    outliers. Where no particle is seen in both, those that bridge the gap count, their displacement spread evenly over
    it; where there are none either, the velocity is interpolated. Spots marked ``virtual`` do not count.

    A particle that moves with a flow moves as by drift: the two cannot be told apart. Of n particles, 1 / n of their
    own motion goes into the drift.

    `trackpy.compute_drift` is not used: it leaves out frames that no particle crosses, so that taking its drift off
    loses their spots, ignores particles with a gap, and takes the plain mean, which one wrong link shifts for good.

    Returns:
        One row for every frame with a spot: ``frame``, ``x``, ``y`` and, in three dimensions, ``z``, how far all have
        moved since the first frame; ``x_se`` and so on, standard errors of the last step's displacement; and
        ``n_particles`` of that step.
    """
    spots = tracks.spots
    axes = [axis for axis in ("x", "y", "z") if axis in tracks.axes]
    frames = np.unique(spots["frame"].to_numpy())
    if "virtual" in spots:
        spots = spots[~spots["virtual"].to_numpy()]
    order = np.lexsort((spots["frame"].to_numpy(), spots["particle"].to_numpy()))
    particle, positions = spots["particle"].to_numpy()[order], spots[axes].to_numpy(np.float64)[order]
    at = np.searchsorted(frames, spots["frame"].to_numpy()[order])
    is_step = np.diff(particle) == 0
    start, stop, moved = at[:-1][is_step], at[1:][is_step], np.diff(positions, axis=0)[is_step]

    elapsed = np.diff(frames).astype(np.float64)
    is_next = stop == start + 1
    steps, errors, counts = _step_means(start[is_next], moved[is_next], len(elapsed))
    is_empty = counts == 0
    if is_empty.any():
        step, row = _bridged(start[~is_next], stop[~is_next], is_empty)
        share = elapsed[step] / (frames[stop[~is_next]] - frames[start[~is_next]])[row]
        bridging = _step_means(step, moved[~is_next][row] * share[:, None], len(elapsed))
        for own, other in zip((steps, errors, counts), bridging, strict=True):
            own[is_empty] = other[is_empty]
        _interpolate(steps, counts > 0, elapsed)
    total = np.concatenate([np.zeros((min(len(frames), 1), len(axes))), np.cumsum(np.nan_to_num(steps), axis=0)])
    first = np.full((min(len(frames), 1), len(axes)), np.nan)
    table = pd.DataFrame({"frame": frames})
    table[axes] = total
    table[[f"{axis}_se" for axis in axes]] = np.concatenate([first, errors])
    table["n_particles"] = np.concatenate([np.zeros(len(first), np.int64), counts])
    return table


def remove_drift(tracks: Tracks, drift: pd.DataFrame) -> Tracks:
    """The tracks as they would be without a drift.

    Args:
        tracks: in pixels and slices.
        drift: as `estimate_drift` returns it. Between its frames the drift is interpolated.

    Raises:
        TrackingError: a column is missing, or the tracks go beyond the frames of the drift.
    """
    missing = [name for name in ("frame", *tracks.axes) if name not in drift]
    if missing:
        raise TrackingError(f"a drift needs the columns frame, {', '.join(tracks.axes)}, but {missing[0]} is missing")
    spots = tracks.spots.copy()
    if not len(spots):
        return tracks
    frame, known = spots["frame"].to_numpy(), drift["frame"].to_numpy()
    if not len(known) or frame.min() < known.min() or frame.max() > known.max():
        covered = f"frames {known.min()} to {known.max()}" if len(known) else "no frame"
        raise TrackingError(f"the drift covers {covered}, but the tracks go from frame {frame.min()} to {frame.max()}")
    for axis in tracks.axes:
        spots[axis] -= np.interp(frame, known, drift[axis].to_numpy())
    return tracks.with_spots(spots)


def _step_means(step: np.ndarray, moved: np.ndarray, n_steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean displacement without outliers of each step, its standard error, and the number of displacements."""
    means, errors = np.full((2, n_steps, moved.shape[1]), np.nan)
    for axis in range(moved.shape[1]):
        values = pd.Series(moved[:, axis])
        off = (values - values.groupby(step).transform("median")).abs()
        spread = 1.4826 * off.groupby(step).transform("median")
        # The rounding keeps all where half of the particles or more moved by exactly the same.
        kept = (off <= OUTLIER * spread + 1e-9).to_numpy()
        groups = values[kept].groupby(step[kept])
        mean = groups.mean()
        means[mean.index, axis] = mean
        errors[mean.index, axis] = groups.std() / np.sqrt(groups.count())
    return means, errors, np.bincount(step, minlength=n_steps)


def _bridged(start: np.ndarray, stop: np.ndarray, is_empty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every empty step that a displacement over a gap bridges, and the row of that displacement."""
    empty = np.flatnonzero(is_empty)
    low, high = np.searchsorted(empty, start), np.searchsorted(empty, stop)
    row = np.repeat(np.arange(len(start)), high - low)
    within = np.arange(len(row)) - np.repeat(np.cumsum(high - low) - (high - low), high - low)
    return empty[low[row] + within], row


def _interpolate(steps: np.ndarray, is_known: np.ndarray, elapsed: np.ndarray) -> None:
    """Give the steps that nobody made the velocity between that of the steps before and after."""
    if not is_known.any():
        return
    middle = np.cumsum(elapsed) - elapsed / 2
    for axis in range(steps.shape[1]):
        velocity = np.interp(middle[~is_known], middle[is_known], steps[is_known, axis] / elapsed[is_known])
        steps[~is_known, axis] = velocity * elapsed[~is_known]
