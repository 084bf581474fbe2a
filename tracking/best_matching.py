import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

# Small components are solved together: below this many edges a call of the solver costs more than the solving.
EDGES_PER_CALL = 1000
# From this share of all cells on, a full matrix is solved faster than a sparse one.
DENSE_SHARE = 0.2


def best_matching(rows: np.ndarray, columns: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """The one-to-one choice of edges whose gains have the greatest sum.

    A row or a column may stay without an edge, at no loss. Edges that contest nothing are taken at once, and the
    others by connected component: the time is polynomial in the greatest of them, never exponential, and memory grows
    with the number of edges.

    Args:
        rows: Row of every edge, whole numbers, shape ``(m,)``. No two edges join the same row and column.
        columns: Column of every edge, shape ``(m,)``.
        gains: What an edge is worth, shape ``(m,)``; edges that are not worth more than 0 are never chosen.

    Returns:
        Indices of the chosen edges, ascending.
    """
    edges = np.flatnonzero(gains > 0)
    if not edges.size:
        return edges
    rows, columns = rows - rows.min(), columns - columns.min()
    is_free = (np.bincount(rows[edges])[rows[edges]] == 1) & (np.bincount(columns[edges])[columns[edges]] == 1)
    contested: np.ndarray = edges[~is_free]
    if not contested.size:
        return edges
    chosen = [edges[is_free]]
    component = _components(rows[contested], columns[contested])
    order = np.argsort(component, kind="stable")
    contested, component = contested[order], component[order]
    ends = np.append(np.flatnonzero(np.diff(component)) + 1, len(contested))
    start = 0
    while start < len(contested):
        # At least one whole component, and as many more as fit.
        last = max(np.searchsorted(ends, start, "right"), np.searchsorted(ends, start + EDGES_PER_CALL, "right") - 1)
        together = contested[start : ends[last]]
        chosen.append(together[_solve(rows[together], columns[together], gains[together])])
        start = ends[last]
    return np.sort(np.concatenate(chosen))


def _components(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Number of the connected component of every edge."""
    rows, columns, n_rows, n_columns = _renumbered(rows, columns)
    size = n_rows + n_columns
    graph = coo_array((np.ones(len(rows), bool), (rows, n_rows + columns)), shape=(size, size))
    component: np.ndarray = connected_components(graph, directed=False)[1][rows]
    return component


def _renumbered(rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, int, int]:
    """Rows and columns numbered without holes, and how many there are of each."""
    used_rows, rows = np.unique(rows, return_inverse=True)
    used_columns, columns = np.unique(columns, return_inverse=True)
    return rows, columns, len(used_rows), len(used_columns)


def _solve(rows: np.ndarray, columns: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Indices of the chosen edges of some whole components."""
    rows, columns, n_rows, n_columns = _renumbered(rows, columns)
    partner = np.full(n_rows, -1)
    if len(gains) > DENSE_SHARE * n_rows * n_columns:
        matrix = np.zeros((n_rows, n_columns))
        matrix[rows, columns] = gains
        row, column = linear_sum_assignment(matrix, maximize=True)
        partner[row] = column
    else:
        # The sparse solver gives every row an edge, and takes a stored 0 for none: each row has a column of its own for
        # staying without, and all costs are raised by the same amount.
        highest = gains.max()
        every = np.arange(n_rows)
        costs = np.concatenate([2 * highest - gains, np.full(n_rows, 2 * highest)])
        ends = (np.concatenate([rows, every]), np.concatenate([columns, n_columns + every]))
        row, column = min_weight_full_bipartite_matching(csr_array((costs, ends), shape=(n_rows, n_columns + n_rows)))
        partner[row] = column
    # A cell of the matrix where no edge is, and a row's own column, equal no edge's column.
    return np.flatnonzero(partner[rows] == columns)
