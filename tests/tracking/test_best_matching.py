from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from tracking import best_matching as module
from tracking.best_matching import best_matching

# Whole numbers make ties frequent, which are what sparse solvers stumble over.
MATRICES = st.integers(1, 5).flatmap(
    lambda n: st.integers(1, 5).flatmap(
        lambda m: st.lists(st.lists(st.integers(-2, 4), min_size=m, max_size=m), min_size=n, max_size=n)
    )
)


@pytest.fixture(params=["sparse", "dense"])
def solver(request, monkeypatch):
    monkeypatch.setattr(module, "DENSE_SHARE", 2.0 if request.param == "sparse" else 0.0)


def matching_of(matrix):
    """Match over all cells but those of -2, which stand for no edge."""
    rows, columns = np.nonzero(matrix > -2)
    chosen = best_matching(rows, columns, matrix[rows, columns].astype(float))
    return rows[chosen], columns[chosen]


def best_by_trying(matrix):
    """Greatest sum over all one-to-one choices, by going through every order of the columns."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    gains = np.maximum(wide, 0)
    return max(gains[range(len(wide)), list(order)[: len(wide)]].sum() for order in permutations(range(wide.shape[1])))


def test_two_lesser_gains_beat_one_greater():
    #      a  b
    #  A   5  4     A-a and B-b gain 5 + 0, A-b and B-a gain 4 + 3
    #  B   3  0
    assert best_matching(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([5.0, 4.0, 3.0])).tolist() == [1, 2]


def test_what_gains_nothing_is_left():
    assert best_matching(np.array([0, 1]), np.array([0, 1]), np.array([0.0, -1.0])).tolist() == []
    assert best_matching(np.empty(0, int), np.empty(0, int), np.empty(0)).tolist() == []


@settings(deadline=None, max_examples=150)
@given(MATRICES)
def test_no_choice_gains_more(matrix):
    matrix = np.array(matrix)
    for share in (0.0, 2.0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "DENSE_SHARE", share)
            rows, columns = matching_of(matrix)
        assert len(set(rows)) == len(rows)
        assert len(set(columns)) == len(columns)
        assert (matrix[rows, columns] > 0).all()
        assert matrix[rows, columns].sum() == best_by_trying(matrix)


@pytest.mark.parametrize("filled", [0.01, 0.03, 0.3])
def test_large_sparse_matrices_are_solved_as_full_ones(solver, filled):
    rng = np.random.default_rng(0)
    matrix = np.where(rng.random((200, 230)) < filled, rng.integers(1, 50, (200, 230)), -2)
    rows, columns = matching_of(matrix)
    best = linear_sum_assignment(np.maximum(matrix, 0), maximize=True)
    assert matrix[rows, columns].sum() == np.maximum(matrix, 0)[best].sum()


def test_many_components_are_solved_in_batches(monkeypatch):
    # Squares of 2 by 2 with the better sum on the other diagonal; a batch holds two of them, or one and a half.
    squares = np.arange(50)
    rows = (2 * squares[:, None] + [0, 0, 1, 1]).ravel()
    columns = (2 * squares[:, None] + [0, 1, 0, 1]).ravel()
    gains = np.tile([3.0, 2.0, 2.0, 0.5], 50)
    for size in (1, 6, 8, 1000):
        monkeypatch.setattr(module, "EDGES_PER_CALL", size)
        assert best_matching(rows, columns, gains).tolist() == [k for k in range(200) if k % 4 in (1, 2)]


def test_gains_of_very_different_size_stay_exact():
    rows, columns = np.array([0, 0, 1, 1, 2, 2, 3, 3]), np.array([0, 1, 0, 1, 2, 3, 2, 3])
    gains = np.array([3.0, 2, 2, 0.5, 3e-6, 2e-6, 2e-6, 0.5e-6])
    assert best_matching(rows, columns, gains).tolist() == [1, 2, 5, 6]
