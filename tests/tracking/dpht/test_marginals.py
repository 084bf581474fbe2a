from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from tracking.dpht.marginals import ROUNDS, link_marginals, log_sum_exp


def matchings(rows, columns) -> Iterator[list[int]]:
    """All choices of links with no two in a row or a column."""

    def extend(chosen, rest):
        if not rest:
            yield chosen
            return
        one, *others = rest
        yield from extend(chosen, others)
        if all(rows[one] != rows[k] and columns[one] != columns[k] for k in chosen):
            yield from extend([*chosen, one], others)

    return extend([], list(range(len(rows))))


def by_trying(rows, columns, log_odds, n_rows, n_columns):
    """Probabilities of the links, of rows without one and of columns without one, from all matchings."""
    choices = list(matchings(rows, columns))
    weights = np.array([np.sum(np.asarray(log_odds, float)[choice]) for choice in choices])
    share = np.exp(weights - logsumexp(weights))
    links, no_row, no_column = np.zeros(len(rows)), np.zeros(n_rows), np.zeros(n_columns)
    for choice, probability in zip(choices, share, strict=True):
        links[choice] += probability
        no_row[~np.isin(np.arange(n_rows), np.asarray(rows)[choice])] += probability
        no_column[~np.isin(np.arange(n_columns), np.asarray(columns)[choice])] += probability
    return links, no_row, no_column


def propagated(rows, columns, log_odds, n_rows, n_columns, dtype=torch.float64):
    rows, columns = (torch.tensor(one, dtype=torch.int64) for one in (rows, columns))
    found = link_marginals(rows, columns, torch.tensor(log_odds, dtype=dtype), n_rows, n_columns)
    return [one.double().exp().numpy() for one in found]


@st.composite
def trees(draw, most=2 * ROUNDS, log_odds=4.0):
    """Links that form one tree: every node but the first hangs on an earlier one of the other side."""
    sides, numbers, counts = ["row"], [0], {"row": 1, "column": 0}
    rows, columns = [], []
    for _ in range(draw(st.integers(1, most))):
        parent = draw(st.integers(0, len(sides) - 1))
        side = "column" if sides[parent] == "row" else "row"
        sides.append(side)
        numbers.append(counts[side])
        counts[side] += 1
        own, other = numbers[-1], numbers[parent]
        rows.append(own if side == "row" else other)
        columns.append(other if side == "row" else own)
    odds = draw(st.lists(st.floats(-log_odds, log_odds), min_size=len(rows), max_size=len(rows)))
    return rows, columns, odds, counts["row"], counts["column"]


@st.composite
def graphs(draw, most=4, log_odds=4.0):
    n_rows, n_columns = draw(st.integers(1, most)), draw(st.integers(1, most))
    cells = [(row, column) for row in range(n_rows) for column in range(n_columns)]
    chosen = draw(st.lists(st.sampled_from(cells), unique=True, max_size=10))
    odds = draw(st.lists(st.floats(-log_odds, log_odds), min_size=len(chosen), max_size=len(chosen)))
    return [row for row, _ in chosen], [column for _, column in chosen], odds, n_rows, n_columns


def test_one_possible_link():
    # Odds of 3 to 1 against both having none.
    links, no_row, no_column = propagated([0], [0], [np.log(3)], 1, 1)
    np.testing.assert_allclose([links[0], no_row[0], no_column[0]], [0.75, 0.25, 0.25])


def test_two_rows_contest_a_column():
    #  row 0 \
    #          column 0      each with odds 1: none, 0 or 1, all alike
    #  row 1 /
    links, no_row, no_column = propagated([0, 1], [0, 0], [0, 0], 2, 1)
    np.testing.assert_allclose(links, [1 / 3, 1 / 3])
    np.testing.assert_allclose(no_row, [2 / 3, 2 / 3])
    np.testing.assert_allclose(no_column, [1 / 3])


def test_a_rival_with_a_way_out_leaves_the_column():
    #  row 0 ---- column 0      row 1 may take column 1 as well: row 0 gains by it
    #           /
    #  row 1 ---- column 1
    alone = propagated([0, 1], [0, 0], [2, 2], 2, 2)[0]
    with_way_out = propagated([0, 1, 1], [0, 0, 1], [2, 2, 2], 2, 2)[0]
    assert with_way_out[0] > alone[0] + 0.1


@settings(deadline=None, max_examples=50)
@given(trees())
def test_exact_on_trees(tree):
    for found, expected in zip(propagated(*tree), by_trying(*tree), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-9)


@settings(deadline=None, max_examples=50)
@given(graphs())
def test_close_to_the_truth_on_graphs_with_circles(graph):
    # On 600 random graphs of this kind the greatest error is .12 and the mean of the greatest of each .01.
    for found, expected in zip(propagated(*graph), by_trying(*graph), strict=True):
        np.testing.assert_allclose(found, expected, atol=0.25)


def test_on_average_much_closer():
    rng = np.random.default_rng(0)
    rows, columns = np.divmod(np.arange(9), 3)
    errors = []
    for _ in range(60):
        odds = rng.normal(0, 3, 9)
        found, expected = propagated(rows, columns, odds, 3, 3)[0], by_trying(rows, columns, odds, 3, 3)[0]
        errors.append(np.abs(found - expected).max())
    assert np.mean(errors) < 0.03


@settings(deadline=None)
@given(graphs(most=6, log_odds=60.0), st.sampled_from([torch.float32, torch.float64]))
def test_rows_sum_to_one_and_everything_is_a_probability(graph, dtype):
    rows, _, _, n_rows, _ = graph
    links, no_row, no_column = propagated(*graph, dtype=dtype)
    np.testing.assert_allclose(np.bincount(rows, links, n_rows) + no_row, 1, atol=1e-5)
    for one in (links, no_row, no_column):
        assert np.isfinite(one).all()
        assert ((one >= 0) & (one <= 1 + 1e-6)).all()


def test_a_row_and_a_column_without_links_have_none():
    links, no_row, no_column = propagated([1], [2], [1.0], 3, 4)
    assert links.shape == (1,)
    assert no_row[[0, 2]].tolist() == [1, 1]
    assert no_column[[0, 1, 3]].tolist() == [1, 1, 1]
    assert [len(one) for one in propagated([], [], [], 0, 0)] == [0, 0, 0]


@pytest.mark.parametrize("sure", [5.0, 10.0, 14.0, 17.0, 18.0, 20.0, 25.0, 29.0])
def test_odds_near_certainty_do_not_drown_the_rest(sure):
    #  row 0 ---- column 1      row 0 and row 1 are both all but sure of column 0; one of them must do without, and
    #        \                  that is more easily row 0, as it has column 1
    #  row 1 ---- column 0
    contest = [0, 0, 1], [0, 1, 0], [sure, 3.0, sure], 2, 2
    np.testing.assert_allclose(propagated(*contest, dtype=torch.float32)[0], by_trying(*contest)[0], atol=1e-3)


@pytest.mark.parametrize("odds", [1e4, -1e4, 1e30, -1e30])
def test_extreme_odds_stay_finite(odds):
    found = link_marginals(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 0]), torch.tensor([odds, 0.0, odds]), 2, 2)
    assert all(torch.isfinite(one).all() for one in found)


def test_gradients_are_those_of_finite_differences():
    rows, columns = torch.tensor([0, 0, 1, 1, 2]), torch.tensor([0, 1, 0, 2, 1])
    odds = torch.tensor([0.3, -1.0, 2.0, 0.5, 1.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda one: link_marginals(rows, columns, one, 3, 3), (odds,))


@given(
    st.lists(st.tuples(st.integers(0, 4), st.floats(-300, 300)), min_size=1, max_size=20),
)
def test_log_sum_exp_is_that_of_scipy(pairs):
    group, values = np.array([one for one, _ in pairs]), np.array([value for _, value in pairs])
    found = log_sum_exp(torch.from_numpy(values), torch.from_numpy(group), 5)
    for one in set(group.tolist()):
        np.testing.assert_allclose(found[one], logsumexp(values[group == one]), rtol=1e-12, atol=1e-12)


def test_log_sum_exp_of_nothing_is_next_to_nothing():
    assert log_sum_exp(torch.tensor([1.0]), torch.tensor([1]), 2)[0] < -1e9


def test_log_sum_exp_has_the_gradient_of_a_softmax():
    values = torch.tensor([1.0, 3.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    log_sum_exp(values, torch.tensor([0, 0, 0, 1]), 2).sum().backward()
    np.testing.assert_allclose(values.grad[:3], torch.softmax(values.detach()[:3], 0), rtol=1e-12)
    np.testing.assert_allclose(values.grad[3], 1)
