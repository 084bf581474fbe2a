import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from tracking.dpht import network as module
from tracking.dpht.cell import MAX_STEP
from tracking.dpht.context import N_CONTEXT, movie_context
from tracking.dpht.network import TrackNetwork


@pytest.fixture(scope="module", params=["gru", "lstm"])
def network(request, untrained) -> TrackNetwork:
    return untrained(request.param).double()


class Scene:
    """Three tracks, three futures, and links from each to each, in some orientation."""

    def __init__(self, network, turn=None, seed=0, n_axes=3):
        rng = np.random.default_rng(seed)
        turn = np.eye(3) if turn is None else turn
        known = np.append(movie_context(n_axes, 0.1, None), 0.3)
        self.context = torch.from_numpy(known).expand(3, N_CONTEXT)
        self.past = self.read(network.past, rng, turn)
        self.future = self.read(network.future, rng, turn)
        self.row, self.node = (torch.from_numpy(one) for one in np.divmod(np.arange(9), 3))
        self.apart = torch.from_numpy(rng.normal(0, 1.5, (9, 3)) @ turn.T)
        self.step = torch.from_numpy(rng.integers(1, MAX_STEP + 1, 9))

    def read(self, cell, rng, turn):
        states = cell.start(self.context)
        for _ in range(3):
            displacement, step = rng.normal(0, 1, (3, 3)) @ turn.T, rng.integers(1, 3, 3)
            states = cell.read_spots(states, torch.from_numpy(displacement), torch.from_numpy(step), self.context)
        return states

    def log_odds(self, network, links=slice(None)):
        context = self.context[:1].expand(9, N_CONTEXT)[links]
        row, node, apart, step = self.row[links], self.node[links], self.apart[links], self.step[links]
        return (
            network.link_log_odds(self.past, row, self.future, node, apart, step, context),
            network.future_log_odds(self.future, node, apart, step, context),
            network.real_log_odds(self.past, self.future.hidden[:, : network.future.hidden], self.context),
        )


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_answer_depends_on_the_orientation_of_the_camera(network, seed):
    turn = ortho_group.rvs(3, random_state=np.random.default_rng(seed))
    for turned, plain in zip(
        Scene(network, turn, seed).log_odds(network), Scene(network, None, seed).log_odds(network), strict=True
    ):
        torch.testing.assert_close(turned, plain, atol=1e-8, rtol=0)


def test_every_link_is_judged_by_itself(network):
    scene = Scene(network)
    both, future, _ = scene.log_odds(network)
    for k in range(9):
        alone = scene.log_odds(network, slice(k, k + 1))
        torch.testing.assert_close(alone[0][0], both[k])
        torch.testing.assert_close(alone[1][0], future[k])


@pytest.mark.parametrize("size", [1, 4, 9])
def test_many_links_are_judged_block_by_block_as_all_at_once(network, size, monkeypatch):
    scene = Scene(network)
    expected = scene.log_odds(network)
    monkeypatch.setattr(module, "BLOCK", size)
    for found, wanted in zip(scene.log_odds(network), expected, strict=True):
        torch.testing.assert_close(found, wanted)


def test_no_links(network):
    scene = Scene(network)
    both, future, _ = scene.log_odds(network, slice(0, 0))
    assert both.shape == future.shape == (0,)


def test_links_are_judged_by_the_way_between_their_ends(network):
    scene = Scene(network)
    before = scene.log_odds(network)
    scene.apart = -scene.apart
    after = scene.log_odds(network)
    assert not torch.isclose(before[0], after[0]).any()
    assert not torch.isclose(before[1], after[1]).any()


def test_huge_displacements_leave_the_log_odds_finite(untrained):
    network = untrained()
    context = torch.from_numpy(np.append(movie_context(2, 0.1, None), np.float32(0.3)))[None]
    past, future = network.past.start(context), network.future.start(context)
    one = torch.zeros(1, dtype=torch.int64)
    for far in (1e2, 1e5, 1e9):
        apart = torch.tensor([[far, -far, 0.0]])
        assert torch.isfinite(network.link_log_odds(past, one, future, one, apart, one + 1, context)).all()
        assert torch.isfinite(network.future_log_odds(future, one, apart, one + 1, context)).all()


def test_settings_make_the_same_network_again(untrained):
    for kind in ("gru", "lstm"):
        one = untrained(kind, hidden=9)
        again = TrackNetwork(**one.settings)
        again.load_state_dict(one.state_dict())
        for found, expected in zip(
            Scene(again.double()).log_odds(again), Scene(one.double()).log_odds(one), strict=True
        ):
            torch.testing.assert_close(found, expected)


def test_an_unknown_cell_is_refused():
    with pytest.raises(ValueError, match="gru"):
        TrackNetwork(8, "rnn")


def test_the_shipped_size_is_far_below_five_megabytes():
    assert sum(weights.numel() * weights.element_size() for weights in TrackNetwork().parameters()) < 2.5e6
