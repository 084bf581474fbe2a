from collections.abc import Iterator

import numpy as np
from scipy.spatial import cKDTree

from tracking.errors import TrackingError

# Candidate links weighed at once; each takes some hundred bytes on its way.
MOST_CANDIDATES = 2_000_000


def candidate_links(
    frames: np.ndarray, positions: np.ndarray, sources: np.ndarray, targets: np.ndarray, step: int, radius: float
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Pairs of spots that are ``step`` frames apart and at most ``radius`` from one another.

    They come in batches of whole frames, so that memory stays bounded however long the movie is.

    Args:
        frames: Frame of every spot, ascending, shape ``(n,)``.
        positions: Positions of all spots, shape ``(n, d)``.
        sources: Indices of the spots that a link may leave, ascending.
        targets: Indices of the spots that a link may reach, ascending.
        step: Frames from source to target.
        radius: Greatest distance, in the unit of ``positions``.

    Yields:
        Index of the source, index of the target and squared distance of every pair, each of shape ``(m,)``.

    Raises:
        TrackingError: Two frames alone have more pairs than memory is meant for.
    """
    if not sources.size or not targets.size:
        return
    # No pair is farther apart than this, and with a radius near the largest number distances would overflow.
    reach = min(radius, 1.001 * float(np.linalg.norm(np.ptp(positions, axis=0))))
    shared = np.intersect1d(frames[sources], frames[targets] - step)
    sources, source_bounds = _within(frames, sources, shared)
    targets, target_bounds = _within(frames, targets, shared + step)
    # However large the radius, there are no more pairs than this up to each frame.
    most = np.cumsum(np.diff(source_bounds) * np.diff(target_bounds))
    first = 0
    while first < len(shared):
        before = most[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(most, before + MOST_CANDIDATES, "right")))
        source = sources[source_bounds[first] : source_bounds[last]]
        target = targets[target_bounds[first] : target_bounds[last]]
        # One search for all frames of the batch: they lie farther apart than the radius, on an axis of their own.
        rank = np.searchsorted(shared[first:last], np.concatenate([frames[source], frames[target] - step]))
        apart = ((2 * reach + 1) * rank)[:, None]
        points = np.hstack([apart, positions[np.concatenate([source, target])]])
        trees = cKDTree(points[: len(source)]), cKDTree(points[len(source) :])
        if last == first + 1 and most[first] - before > MOST_CANDIDATES:
            _require_moderate(int(trees[0].count_neighbors(trees[1], reach)), radius, int(shared[first]), step)
        close = trees[0].sparse_distance_matrix(trees[1], reach, output_type="ndarray")
        source, target = source[close["i"]], target[close["j"]]
        yield source, target, ((positions[source] - positions[target]) ** 2).sum(axis=1)
        first = last


def _within(frames: np.ndarray, spots: np.ndarray, shared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The spots that lie in the shared frames, and where each of these frames begins and ends among them."""
    spots = spots[np.isin(frames[spots], shared)]
    return spots, np.append(np.searchsorted(frames[spots], shared), len(spots))


def _require_moderate(n_pairs: int, radius: float, frame: int, step: int) -> None:
    if n_pairs > MOST_CANDIDATES:
        raise TrackingError(
            f"--search-radius {radius:g} lets {n_pairs:,} pairs of spots of the frames {frame} and {frame + step} be "
            f"linked, and at most {MOST_CANDIDATES:,} can be weighed: choose a smaller one"
        )
