import numpy as np
from scipy.spatial import cKDTree

from tracking.errors import TrackingError
from tracking.linking.candidates import candidate_links
from tracking.linking.validation import require_spots

# Chosen on simulated movies of the Particle Tracking Challenge's four scenarios at its three densities. On others of
# these alpha of the LAP linker is 0.005 below what the best radius for each movie gives, on average, and 0.021 at most.
CHANCE_FACTOR = 2.0
QUANTILE = 0.95
MARGIN = 2.0
# Neighbours move too, and in a movie of few particles all pairs of neighbours may come a little nearer.
NEARER = 0.8
# Pairs farther apart than this many times the distance to the nearest neighbour tell nothing.
NEIGHBOURS = 3.0
# An immobile particle is found within this distance again, as it is not localised exactly.
LEAST_RADIUS = 1.0
# Of a longer movie some frames suffice, spread evenly.
MOST_SPOTS = 20_000
# Where a smaller share of the spots seems to be found again in the next frame, that is chance.
LEAST_SHARE = 0.05


def estimate_search_radius(frames: np.ndarray, positions: np.ndarray, z_scale: float = 1.0) -> float:
    """How far from a spot to look for its particle in the next frame, in pixels, from the spots alone.

    A pair of spots of successive frames is one particle twice, or two neighbours. How many neighbours there are at
    each distance is known from the pairs within single frames, whatever the arrangement of the particles. Up to some
    distance the pairs are more than twice those of neighbours: so far a link can be trusted even by itself. Twice the
    distance that holds 95 percent of this excess is the estimate, as a linker that weighs links against each other
    tells more.

    It is never more than the mean distance between the spots of a frame, nor than half the diagonal of the rectangle
    in which all spots lie: beyond, links would be guesses. On simulated movies of the challenge's four scenarios at
    its three densities the estimate is 0.15 to 0.48 times that mean distance.

    Args:
        frames: Frame of every spot, whole numbers, ascending, shape ``(n,)``.
        positions: Positions, (y, x) in pixels or (z, y, x) with z in slices, shape ``(n, 2)`` or ``(n, 3)``.
        z_scale: Pixels per slice.

    Returns:
        At least 1 pixel.

    Raises:
        TrackingError: No two successive frames have spots, or their spots are no nearer to one another than by chance.
        ValueError: Shapes do not fit, frames are not ascending whole numbers, or a position is not finite.
    """
    frames, positions = require_spots(frames, positions, z_scale)
    earlier, later = _successive(frames)
    farthest = _farthest(frames[earlier], positions[earlier])
    moved = [np.sqrt(squared) for _, _, squared in candidate_links(frames, positions, earlier, later, 1, farthest)]
    neighbours, weights = [], []
    for spots, other in ((earlier, 1), (later, -1)):
        for sources, targets, squared in candidate_links(frames, positions, spots, spots, 0, farthest):
            is_other = sources != targets
            neighbours.append(NEARER * np.sqrt(squared[is_other]))
            weights.append(_expected_per_neighbour(frames, frames[sources[is_other]], other) / 2)
    distances = np.concatenate([*moved, *neighbours])
    gains = np.concatenate([np.ones(sum(map(len, moved))), *(-CHANCE_FACTOR * weight for weight in weights)])
    order = np.lexsort((gains, distances))
    gained = np.cumsum(gains[order])
    most = gained.max(initial=0)
    if most < LEAST_SHARE * len(earlier):
        raise TrackingError(
            "how far particles move cannot be told, as the spots of successive frames are no nearer to one another "
            "than by chance: give --search-radius"
        )
    reach = distances[order[np.argmax(gained >= QUANTILE * most)]]
    return max(min(MARGIN * float(reach), largest_search_radius(frames, positions)), LEAST_RADIUS)


def largest_search_radius(frames: np.ndarray, positions: np.ndarray) -> float:
    """Beyond this links would be guesses, in pixels.

    The mean distance between the spots of a frame, spread evenly over their field, and at most half its diagonal.

    Args:
        frames: Frame of every spot, shape ``(n,)``.
        positions: In pixels along every axis, shape ``(n, d)``.
    """
    diagonal = float(np.linalg.norm(np.ptp(positions, axis=0)))
    per_frame = len(frames) / len(np.unique(frames))
    # A particle that is always alone may jitter about one place, and its field is then no longer than its steps.
    return diagonal if per_frame == 1 else diagonal / float(np.sqrt(2 * max(per_frame, 2)))


def _successive(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spots of frames that have a next one, and spots of those next ones; of some frames where there are many."""
    numbers, starts, counts = np.unique(frames, return_index=True, return_counts=True)
    has_next = np.flatnonzero(np.diff(numbers) == 1)
    if not has_next.size:
        raise TrackingError(
            "how far particles move cannot be told, as no two successive frames have spots: give --search-radius"
        )
    n_wanted = max(1, int(MOST_SPOTS / counts[has_next].mean()))
    if n_wanted < len(has_next):
        has_next = has_next[np.linspace(0, len(has_next) - 1, n_wanted).astype(np.int64)]
    earlier, later = (
        np.concatenate([np.arange(starts[k], starts[k] + counts[k]) for k in chosen])
        for chosen in (has_next, has_next + 1)
    )
    return earlier, later


def _expected_per_neighbour(frames: np.ndarray, of: np.ndarray, other: int) -> np.ndarray:
    """How many neighbours in the other frame stand for each neighbour in its own: the particle itself is none."""
    here, there = (
        np.searchsorted(frames, of + step, "right") - np.searchsorted(frames, of + step) for step in (0, other)
    )
    expected: np.ndarray = (there - 1) / (here - 1)
    return expected


def _farthest(frames: np.ndarray, positions: np.ndarray) -> float:
    """Distance up to which pairs are looked at: some times that of nearest neighbours, or all of the field."""
    extent = float(np.linalg.norm(np.ptp(positions, axis=0))) + LEAST_RADIUS
    _, rank = np.unique(frames, return_inverse=True)
    points = np.hstack([2 * extent * rank[:, None], positions])
    nearest = cKDTree(points).query(points, k=2)[0][:, 1]
    nearest = nearest[nearest <= extent]
    return min(NEIGHBOURS * float(np.median(nearest)), extent) if nearest.size else extent
