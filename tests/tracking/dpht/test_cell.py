from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from tracking.dpht.cell import MAX_STEP, N_VECTORS, States, TrackCell
from tracking.dpht.context import N_CONTEXT, movie_context

SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module", params=["gru", "lstm"])
def cell(request, untrained) -> TrackCell:
    return untrained(request.param).past.double()


def context_of(n_axes, n):
    return torch.from_numpy(np.append(movie_context(n_axes, 0.1, None), 0.3)).expand(n, N_CONTEXT)


def walk(rng, *, n=4, length=5, n_axes=3):
    """Displacements (length, n, 3) of n particles, and the frames between their spots (length, n)."""
    displacements = rng.normal(0, 1, (length, n, 3))
    displacements[..., n_axes:] = 0
    return displacements, rng.integers(1, MAX_STEP + 1, (length, n))


def read(cell, displacements, steps, n_axes=3):
    context = context_of(n_axes, displacements.shape[1])
    states = cell.start(context)
    for displacement, step in zip(displacements, steps, strict=True):
        states = cell.read_spots(states, torch.as_tensor(displacement), torch.as_tensor(step), context)
    return states


def assert_same(found: States, expected: States, turn=None, **tolerance):
    turn = torch.eye(3, dtype=torch.float64) if turn is None else torch.from_numpy(turn)
    for one in fields(States):
        wanted = getattr(expected, one.name)
        wanted = wanted @ turn.T if one.name in ("vectors", "mean") else wanted
        np.testing.assert_allclose(getattr(found, one.name).detach(), wanted.detach(), **tolerance, err_msg=one.name)


@settings(deadline=None, max_examples=25, suppress_health_check=[])
@given(seed=SEEDS)
def test_turn_the_movie_and_all_expectations_turn_with_it(cell, seed):
    rng = np.random.default_rng(seed)
    displacements, steps = walk(rng)
    # Rotations and reflections of space, exchanged axes among them.
    turn = ortho_group.rvs(3, random_state=rng)
    assert_same(read(cell, displacements @ turn.T, steps), read(cell, displacements, steps), turn, atol=1e-8)


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (1, 0, 2), (2, 1, 0), (0, 2, 1)])
def test_the_order_of_axes_does_not_matter(cell, axes):
    displacements, steps = walk(np.random.default_rng(1))
    exchange = np.eye(3)[list(axes)]
    assert_same(read(cell, displacements[..., axes], steps), read(cell, displacements, steps), exchange, atol=1e-10)


def test_what_moves_in_a_plane_is_expected_in_it(cell):
    displacements, steps = walk(np.random.default_rng(2), n_axes=2)
    states = read(cell, displacements, steps, n_axes=2)
    assert (states.mean[..., 2] == 0).all()
    assert (states.vectors[..., 2] == 0).all()
    assert (states.mean[..., :2] != 0).any()


def test_two_dimensions_are_told_from_three(cell):
    displacements, steps = walk(np.random.default_rng(2), n_axes=2)
    flat, deep = (read(cell, displacements, steps, n_axes) for n_axes in (2, 3))
    assert not torch.allclose(flat.mean, deep.mean)


def test_particles_are_read_each_by_itself(cell):
    # n at once, as they come: no loop over tracks, and none hears of another.
    displacements, steps = walk(np.random.default_rng(3), n=6)
    together = read(cell, displacements, steps)
    for k in range(6):
        alone = read(cell, displacements[:, k : k + 1], steps[:, k : k + 1])
        assert_same(alone, together.select(torch.tensor([k])), atol=1e-12)


def test_after_one_spot_a_particle_is_expected_where_it_is(cell):
    for states in (cell.start(context_of(2, 3)), cell.unknown(context_of(2, 3))):
        assert (states.mean == 0).all()
        assert (states.age == 0).all()
        assert states.vectors.shape == (3, N_VECTORS, 3)
        assert torch.isfinite(states.log_variance).all()


def test_nothing_seen_is_told_from_nothing_looked_at(cell):
    context = context_of(2, 1)
    assert not torch.allclose(cell.start(context).hidden, cell.unknown(context).hidden)


def test_ages_count_the_spots_before(cell):
    displacements, steps = walk(np.random.default_rng(4), length=3)
    assert read(cell, displacements, steps).age.tolist() == [3] * 4


def test_the_first_velocity_is_taken_as_it_is(cell):
    #  a . a     2 pixels in 2 frames: a velocity of 1, whatever the weights
    states = read(cell, np.array([[[2.0, 0, 0]]]), np.array([[2]]))
    expected = torch.tensor([[1.0, 0, 0], [0, 0, 0], [1, 0, 0], [1, 0, 0]], dtype=torch.float64)
    torch.testing.assert_close(states.vectors[0, :4], expected, check_dtype=False)


def test_the_last_two_velocities_are_remembered(cell):
    displacements = np.array([[[1.0, 0, 0]], [[0, 4.0, 0]]])
    states = read(cell, displacements, np.array([[1], [2]]))
    assert states.vectors[0, :2].tolist() == [[0, 2, 0], [1, 0, 0]]


def test_remembered_velocities_lie_between_those_seen(cell):
    displacements = np.array([[[1.0, 0, 0]], [[3.0, 0, 0]], [[2.0, 0, 0]]])
    states = read(cell, displacements, np.ones((3, 1), int))
    assert ((states.vectors[0, 2:4, 0] > 1) & (states.vectors[0, 2:4, 0] < 3)).all()


def test_a_particle_that_stays_has_a_remembered_place_where_it_is(cell):
    states = read(cell, np.zeros((4, 2, 3)), np.ones((4, 2), int))
    assert (states.vectors == 0).all()
    assert (states.mean == 0).all()


def test_the_expected_place_of_a_row_and_step_is_the_one_that_is_stored(cell):
    displacements, steps = walk(np.random.default_rng(5))
    states = read(cell, displacements, steps)
    row, step = torch.tensor([3, 0, 3]), torch.tensor([1, MAX_STEP, 2])
    expected = states.expected(row, step, torch.full((3,), 3.0))
    torch.testing.assert_close(expected.mean, states.mean[row, step - 1])
    torch.testing.assert_close(expected.across.log(), states.log_variance[row, step - 1, 0])


def test_joined_states_are_one_after_the_other(cell):
    displacements, steps = walk(np.random.default_rng(6))
    states = read(cell, displacements, steps)
    first, second = states.select(torch.tensor([2])), states.select(torch.tensor([1, 0]))
    assert_same(States.join([first, second]), states.select(torch.tensor([2, 1, 0])), atol=0)


@pytest.mark.parametrize("far", [1e3, 1e6, 1e9])
@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_huge_displacements_leave_everything_finite(untrained, kind, far):
    cell = untrained(kind).past
    context = context_of(3, 4).float()
    states = cell.start(context)
    for displacement, step in zip(*walk(np.random.default_rng(7)), strict=True):
        states = cell.read_spots(states, torch.tensor(far * displacement).float(), torch.tensor(step), context)
        for one in fields(States):
            assert torch.isfinite(getattr(states, one.name)).all(), one.name


def test_no_particles(cell):
    states = cell.start(context_of(2, 0))
    states = cell.read_spots(states, torch.zeros(0, 3).double(), torch.zeros(0, dtype=torch.int64), context_of(2, 0))
    assert states.mean.shape == (0, MAX_STEP, 3)


def test_gradients_flow_back_through_time(cell):
    displacements, steps = walk(np.random.default_rng(8))
    seen = torch.from_numpy(displacements).requires_grad_()
    context = context_of(3, 4)
    states = cell.start(context)
    for displacement, step in zip(seen, steps, strict=True):
        states = cell.read_spots(states, displacement, torch.from_numpy(step), context)
    states.mean.square().sum().backward()
    assert torch.isfinite(seen.grad).all()
    assert (seen.grad.abs().sum(dim=(1, 2)) > 0).all()
