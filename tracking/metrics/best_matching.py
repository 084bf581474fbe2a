import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

# A component with more cells than this is solved sparsely: it would take more memory, and soon more time, as a matrix.
LARGEST_MATRIX = 100_000


def best_matching(rows: np.ndarray, columns: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """The one-to-one choice of edges whose gains have the greatest sum.

    A row or a column may stay without an edge, at no loss. Every connected component is solved by itself; time is
    polynomial and memory grows with the number of edges.

    Args:
        rows: Row of every edge, whole numbers, shape ``(m,)``. No two edges join the same row and column.
        columns: Column of every edge, shape ``(m,)``.
        gains: What an edge is worth, above 0, shape ``(m,)``.

    Returns:
        Indices of the chosen edges, ascending.
    """
    if not len(gains):
        return np.empty(0, np.int64)
    if not (gains > 0).all():
        raise ValueError(f"`gains` must be above 0, got {gains.min()}")
    rows, columns = (np.unique(ends, return_inverse=True)[1] for ends in (rows, columns))
    n_rows, n_columns = int(rows.max()) + 1, int(columns.max()) + 1
    is_free = (np.bincount(rows)[rows] == 1) & (np.bincount(columns)[columns] == 1)
    contested = np.flatnonzero(~is_free)
    size = n_rows + n_columns
    ends = (rows[contested], n_rows + columns[contested])
    _, component = connected_components(coo_array((gains[contested], ends), shape=(size, size)), directed=False)
    component = component[rows[contested]]
    order = np.argsort(component, kind="stable")
    borders = np.flatnonzero(np.diff(component[order])) + 1
    chosen = [np.flatnonzero(is_free)]
    for members in np.split(order, borders) if len(order) else []:
        edges = contested[members]
        chosen.append(edges[_solve(rows[edges], columns[edges], gains[edges])])
    return np.sort(np.concatenate(chosen))


def _solve(rows: np.ndarray, columns: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Indices of the chosen edges of one component."""
    rows, columns = (np.unique(ends, return_inverse=True)[1] for ends in (rows, columns))
    n_rows, n_columns = int(rows.max()) + 1, int(columns.max()) + 1
    if n_rows * n_columns <= LARGEST_MATRIX:
        matrix = np.zeros((n_rows, n_columns))
        matrix[rows, columns] = gains
        partner = np.full(n_rows, -1)
        row, column = linear_sum_assignment(matrix, maximize=True)
        # A cell of 0 is no edge: whom it joins stay without.
        partner[row] = column
        return np.flatnonzero(partner[rows] == columns)
    # The sparse solver gives every row an edge, and takes 0 for none: each row gets a column of its own for staying
    # without, and all gains are raised alike.
    raised = gains.max()
    own = n_columns + np.arange(n_rows)
    weights = np.concatenate([gains + raised, np.full(n_rows, raised)])
    ends = (np.concatenate([rows, np.arange(n_rows)]), np.concatenate([columns, own]))
    graph = coo_array((weights, ends), shape=(n_rows, n_columns + n_rows)).tocsr()
    _, partner = min_weight_full_bipartite_matching(graph, maximize=True)
    return np.flatnonzero(partner[rows] == columns)
