import numpy as np

from tracking.linking.candidates import candidate_links


def link_nearest(frames: np.ndarray, positions: np.ndarray, radius: float, max_gap: int) -> np.ndarray:
    """Links made one by one, the closest pair of spots that both are free first.

    Successive frames come first, then gaps of one frame, of two, and so on. It never weighs one link against another:
    the simplest baseline.

    Args:
        frames: Frame of every spot, ascending, shape ``(n,)``.
        positions: Positions in pixels, shape ``(n, d)``.
        radius: Greatest distance of a link in pixels.
        max_gap: Frames that a link may leave out.

    Returns:
        Links as indices of spots, earlier one first, shape ``(m, 2)``.
    """
    is_end, is_start = np.ones((2, len(frames)), bool)
    links = [np.empty((0, 2), np.int64)]
    for step in range(1, min(max_gap + 1, int(frames[-1] - frames[0])) + 1):
        ends, starts = np.flatnonzero(is_end), np.flatnonzero(is_start)
        for sources, targets, costs in candidate_links(frames, positions, ends, starts, step, radius):
            chosen = _closest_first(sources, targets, costs)
            is_end[sources[chosen]] = is_start[targets[chosen]] = False
            links.append(np.stack([sources[chosen], targets[chosen]], axis=1))
    return np.concatenate(links)


def _closest_first(sources: np.ndarray, targets: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Indices of the pairs that are taken when the cheapest is always next; ties go to the earlier spots."""
    order = np.lexsort((targets, sources, costs))
    taken_sources: set[int] = set()
    taken_targets: set[int] = set()
    chosen = []
    for pair, source, target in zip(order.tolist(), sources[order].tolist(), targets[order].tolist(), strict=True):
        if source not in taken_sources and target not in taken_targets:
            taken_sources.add(source)
            taken_targets.add(target)
            chosen.append(pair)
    return np.array(chosen, np.int64)
