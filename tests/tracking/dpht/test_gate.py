import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.dpht.cell import MAX_STEP, N_VECTORS, States
from tracking.dpht.gate import NEAREST, NEAREST_LATER, REACH, candidates
from tracking.dpht.spots import FrameIndex


def states_of(mean, log_variance):
    """States that expect the same after any number of frames."""
    mean, log_variance = torch.as_tensor(mean), torch.as_tensor(log_variance)
    n = len(mean)
    return States(
        torch.zeros(n, 4),
        torch.zeros(n, N_VECTORS, 3),
        torch.zeros(n),
        mean[:, None].expand(n, MAX_STEP, 3),
        log_variance[:, None].expand(n, MAX_STEP, 2),
    )


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), step=st.integers(1, MAX_STEP))
def test_candidates_are_those_within_reach_of_the_expected_place(spots_of, seed, step):
    rng = np.random.default_rng(seed)
    spots = spots_of(np.full(30, 5), rng.uniform(0, 12, (30, 2)))
    position = np.zeros((6, 3))
    position[:, :2] = rng.uniform(0, 12, (6, 2))
    mean, log_variance = rng.normal(0, 1, (6, 3)), rng.uniform(-8, 3, (6, 2))
    mean[:, 2] = 0
    cell, spot = candidates(states_of(mean, log_variance), position, np.zeros(6, int), FrameIndex(spots, 5), step)
    expected, most = set(), NEAREST if step == 1 else NEAREST_LATER
    for k in range(6):
        distance = np.linalg.norm(spots.position - position[k] - mean[k], axis=1)
        near = np.flatnonzero(distance <= REACH * step)
        expected |= {(k, int(one)) for one in near[np.argsort(distance[near])][:most]}
    assert set(zip(cell.tolist(), spot.tolist(), strict=True)) == expected
    assert (np.diff(cell) >= 0).all()


@pytest.mark.parametrize("log_variance", [-12.0, 6.0])
def test_who_is_sure_where_it_will_be_looks_as_far_as_who_is_not(spots_of, log_variance):
    # Or a particle at rest would be lost when it sets out on a run.
    states = states_of(np.zeros((1, 3)), np.full((1, 2), log_variance))
    for place, is_found in ((REACH - 0.01, True), (REACH + 0.01, False)):
        index = FrameIndex(spots_of([0], [[0, place]]), 0)
        assert len(candidates(states, np.zeros((1, 3)), np.zeros(1, int), index, 1)[0]) == is_found


@pytest.mark.parametrize(("step", "most"), [(1, NEAREST), (2, NEAREST_LATER), (MAX_STEP, NEAREST_LATER)])
def test_no_cell_has_more_than_its_nearest(spots_of, step, most):
    spots = spots_of(np.zeros(100, int), np.zeros((100, 2)))
    cell, _ = candidates(
        states_of(np.zeros((2, 3)), np.zeros((2, 2))), np.zeros((2, 3)), np.zeros(2, int), FrameIndex(spots, 0), step
    )
    assert np.bincount(cell).tolist() == [most, most]


def test_gating_takes_no_part_in_learning(spots_of):
    spots = spots_of([0], [[0, 0]])
    mean = torch.zeros(1, 3, requires_grad=True)
    cell, spot = candidates(
        states_of(mean, torch.zeros(1, 2, requires_grad=True)),
        np.zeros((1, 3)),
        np.zeros(1, int),
        FrameIndex(spots, 0),
        1,
    )
    assert (cell.tolist(), spot.tolist()) == ([0], [0])
