import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tracking.errors import TrackingError
from tracking.tracks import Tracks


def particles_from_edges(n_spots: int, edges: np.ndarray) -> tuple[np.ndarray, dict[int, tuple[int, ...]]]:
    """Unbranched particles of a graph of links, numbered from 0 in the order of their first spots.

    A particle is a longest chain of spots in which every link is the only one out of its source and the only one into
    its target; spots without links are particles of their own.

    Args:
        n_spots: Number of spots.
        edges: Links as indices of spots, shape ``(m, 2)``, earlier spot first.

    Returns:
        The particle of every spot, shape ``(n_spots,)``, and the parents of the particles that begin by a split or a
        merge.

    Raises:
        TrackingError: An edge names no spot, stands twice, or the edges form a circle.
    """
    edges = np.asarray(edges, np.int64).reshape(-1, 2)
    is_unknown = (edges < 0) | (edges >= n_spots)
    if is_unknown.any():
        raise TrackingError(f"a link names spot {int(edges[is_unknown][0])}, but there are {n_spots} spots")
    if len(np.unique(edges, axis=0)) != len(edges):
        raise TrackingError("a link stands twice")
    sources, targets = edges[:, 0], edges[:, 1]
    is_only = (np.bincount(sources, minlength=n_spots)[sources] == 1) & (
        np.bincount(targets, minlength=n_spots)[targets] == 1
    )
    first = np.arange(n_spots)
    first[targets[is_only]] = sources[is_only]
    # Pointer doubling: every spot points to the first spot of its chain after log2(longest chain) rounds.
    for _ in range(max(n_spots, 1).bit_length() + 1):
        further = first[first]
        if np.array_equal(further, first):
            break
        first = further
    else:
        raise TrackingError("the links form a circle")
    if (first[first] != first).any() or _has_lost_start(first, targets[is_only]):
        raise TrackingError("the links form a circle")
    starts, particle = np.unique(first, return_inverse=True)
    if _has_circle(len(starts), particle[edges[~is_only]]):
        raise TrackingError("the links form a circle")
    parents: dict[int, tuple[int, ...]] = {}
    for source, target in edges[~is_only]:
        child = int(particle[target])
        parents[child] = (*parents.get(child, ()), int(particle[source]))
    return particle.astype(np.int64), parents


def edges_of(tracks: Tracks) -> np.ndarray:
    """Links between spots as row numbers of ``tracks.spots``, shape ``(m, 2)``, earlier spot first.

    Within a particle every spot is linked to its next one, and a particle's first spot to the last of each parent.
    """
    spots = tracks.spots
    order = np.lexsort((spots["frame"].to_numpy(), spots["particle"].to_numpy()))
    particle = spots["particle"].to_numpy()[order]
    is_same = particle[1:] == particle[:-1]
    inner = np.stack([order[:-1][is_same], order[1:][is_same]], axis=1)
    if not tracks.parents:
        return inner
    ids, starts = np.unique(particle, return_index=True)
    ends = np.append(starts[1:], len(particle)) - 1
    first, last = dict(zip(ids, order[starts], strict=True)), dict(zip(ids, order[ends], strict=True))
    outer = [(last[parent], first[child]) for child, of in tracks.parents.items() for parent in of]
    return np.concatenate([inner, np.array(outer, np.int64).reshape(-1, 2)])


def _has_circle(n_particles: int, links: np.ndarray) -> bool:
    """Whether links between particles lead from one back to itself."""
    if (links[:, 0] == links[:, 1]).any():
        return True
    graph = coo_array((np.ones(len(links), bool), (links[:, 0], links[:, 1])), shape=(n_particles, n_particles))
    return len(links) > 0 and connected_components(graph, connection="strong")[0] < n_particles


def _has_lost_start(first: np.ndarray, targets: np.ndarray) -> bool:
    """Whether some chain has no beginning, as its first spot is the target of a link."""
    is_target = np.zeros(len(first), bool)
    is_target[targets] = True
    return bool(is_target[first].any())
