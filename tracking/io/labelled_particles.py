import numpy as np

from tracking.errors import TrackingError
from tracking.graph import particles_from_edges


def labelled_particles(
    frame: np.ndarray, edges: np.ndarray, label: np.ndarray | None
) -> tuple[np.ndarray, dict[int, tuple[int, ...]]]:
    """Particles and parents of a graph of links whose spots may say to which particle they belong.

    The labels are kept where they fit the links: each spot is linked to the next one of its label, and every other link
    leads from the last spot of a label to the first of another. Where they do not (links were edited later, say), the
    particles are the unbranched stretches of the graph, numbered anew.

    Args:
        frame: frame of every spot, shape ``(n,)``.
        edges: links as indices of spots, shape ``(m, 2)``, earlier spot first.
        label: particle of every spot, shape ``(n,)``, negative for none; None if nothing is known.

    Raises:
        TrackingError: a link stands twice.
    """
    if label is not None and (parents := _parents_of_labels(frame, edges, label)) is not None:
        return label, parents
    return particles_from_edges(len(frame), edges)


def forward(frame: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The links, shape ``(m, 2)``, each with its earlier spot first.

    Raises:
        TrackingError: a link joins two spots of one frame.
    """
    edges = np.asarray(edges, np.int64).reshape(-1, 2)
    same = frame[edges[:, 0]] == frame[edges[:, 1]]
    if same.any():
        raise TrackingError(f"a link joins two spots of frame {int(frame[edges[same][0, 0]])}")
    return np.where((frame[edges[:, 0]] > frame[edges[:, 1]])[:, np.newaxis], edges[:, ::-1], edges)


def _parents_of_labels(frame: np.ndarray, edges: np.ndarray, label: np.ndarray) -> dict[int, tuple[int, ...]] | None:
    """Parents by the labels, None if they do not fit the links."""
    if (label < 0).any():
        return None
    order = np.lexsort((frame, label))
    is_same = label[order[1:]] == label[order[:-1]]
    before, after = order[:-1][is_same], order[1:][is_same]
    # A link as one number.
    given = edges[:, 0] * len(frame) + edges[:, 1]
    needed = before * len(frame) + after
    is_inner = np.isin(given, needed)
    if is_inner.sum() != len(needed) or len(np.unique(given)) != len(given):
        return None
    source, target = edges[~is_inner].T
    is_first, is_last = np.ones((2, len(frame)), bool)
    is_first[after], is_last[before] = False, False
    if not (is_first[target].all() and is_last[source].all()):
        return None
    parents: dict[int, tuple[int, ...]] = {}
    for parent, child in zip(label[source].tolist(), label[target].tolist(), strict=True):
        parents[child] = (*parents.get(child, ()), parent)
    return parents
