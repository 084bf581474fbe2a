import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from tracking.metrics import best_matching as module
from tracking.metrics.best_matching import best_matching


def test_a_lesser_edge_is_taken_where_it_frees_a_greater_one():
    #  row 0 -3- column 0      3 alone would leave row 1 without: 2 + 2 is more
    #       \2  /2
    #  row 1  column 1
    assert best_matching(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([3.0, 2.0, 2.0])).tolist() == [1, 2]


def test_a_row_stays_without_where_that_is_worth_more():
    assert best_matching(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([5.0, 2.0, 2.0])).tolist() == [0]


def test_no_edges():
    assert best_matching(np.empty(0, int), np.empty(0, int), np.empty(0)).tolist() == []


def test_gains_must_be_positive():
    with pytest.raises(ValueError, match="`gains` must be above 0, got 0"):
        best_matching(np.array([0, 1]), np.array([0, 1]), np.array([1.0, 0.0]))


edges = st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 4)), st.integers(1, 9), max_size=8)


@pytest.mark.parametrize("largest_matrix", [0, module.LARGEST_MATRIX], ids=["sparse", "dense"])
@settings(deadline=None, max_examples=100)
@given(edges)
def test_agrees_with_trying_every_subset_of_edges(largest_matrix, edges):
    ends, gains = list(edges), [float(gain) for gain in edges.values()]

    def total(subset):
        is_one_to_one = all(len({ends[k][side] for k in subset}) == len(subset) for side in (0, 1))
        return sum(gains[k] for k in subset) if is_one_to_one else 0

    best = max(
        total(subset) for size in range(len(ends) + 1) for subset in itertools.combinations(range(len(ends)), size)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LARGEST_MATRIX", largest_matrix)
        chosen = best_matching(*(np.array([end[side] for end in ends], int) for side in (0, 1)), np.array(gains))
    assert total(chosen.tolist()) == best
    assert sorted(set(chosen.tolist())) == chosen.tolist()


def test_large_component_agrees_with_a_full_matrix():
    rng = np.random.default_rng(0)
    gains = np.where(rng.random((400, 420)) < 0.05, rng.random((400, 420)), 0)
    rows, columns = np.nonzero(gains)
    assert gains.size > module.LARGEST_MATRIX
    chosen = best_matching(rows, columns, gains[rows, columns])
    assert len(np.unique(rows[chosen])) == len(np.unique(columns[chosen])) == len(chosen)
    best = gains[linear_sum_assignment(gains, maximize=True)].sum()
    assert gains[rows[chosen], columns[chosen]].sum() == pytest.approx(best)
