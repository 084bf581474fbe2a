import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from tracking.dpht.cell import MAX_STEP, N_VECTORS
from tracking.dpht.learn import EXPECTED, REAL, losses
from tracking.dpht.network import TrackNetwork
from tracking.dpht.stream import Lesson, MovieKind, join_lessons, simulate_lesson
from tracking.simulation import DirectedMotion

LOG_2 = math.log(2)


def lesson_of(spots, particle, next_spot, ahead=None):
    """A lesson without any truth about places, unless ``ahead`` gives that one frame on."""
    n = len(particle)
    none, nowhere = np.zeros((n, MAX_STEP, 3), np.float32), np.zeros((n, MAX_STEP), bool)
    way, is_ahead = none.copy(), nowhere.copy()
    for spot, place in (ahead or {}).items():
        way[spot, 0], is_ahead[spot, 0] = place, True
    return Lesson(spots, np.array(particle), np.array(next_spot), way, is_ahead, none, nowhere)


@pytest.fixture
def undecided() -> TrackNetwork:
    """Gives every link odds of 1, every spot to be a particle one half, and expects nothing to move, variance 1."""
    network = TrackNetwork(8)
    with torch.no_grad():
        for weights in network.parameters():
            weights.zero_()
        for cell in (network.past, network.future):
            # Variance across 1, none along.
            cell.expect.bias.view(MAX_STEP, -1)[:, -1] = -100
    return network


@pytest.fixture(scope="module")
def tiny() -> Lesson:
    kind = MovieKind(
        motions=(DirectedMotion(velocity=(3.0, 3.0), acceleration=(0.3, 0.3)),),
        survival=0.9,
        density=0.1,
        detected=0.85,
        flicker=0.3,
        false=0.2,
        error=0.3,
        error_z=1.0,
        astray=0.0,
        resolution=1.5,
        n_axes=2,
    )
    rng = np.random.default_rng(1)
    return join_lessons([simulate_lesson(one, 7, 8, rng) for one in (kind, replace(kind, n_axes=3))])


@pytest.fixture(scope="module")
def easy() -> MovieKind:
    """Particles that go straight on, far apart, hardly ever missed."""
    return MovieKind(
        motions=(DirectedMotion(velocity=(3.0, 3.0), acceleration=(0.1, 0.1)),),
        survival=0.98,
        density=0.005,
        detected=0.995,
        flicker=0.0,
        false=0.001,
        error=0.1,
        error_z=1.0,
        astray=0.0,
        resolution=1.2,
        n_axes=2,
    )


def test_one_link_and_a_network_that_cannot_decide(undecided, spots_of):
    #  0 - 1      the one possible link is right: to take it and to leave it are alike, -log(1/2) each time
    spots = spots_of([0, 1], [[0, 0], [0.5, 0]])
    found = losses(undecided, lesson_of(spots, [0, 0], [1, -1]), depth=1, width=0)
    assert found.links.item() == pytest.approx(LOG_2)
    found = losses(undecided, lesson_of(spots, [0, 0], [1, -1]), depth=1, width=1)
    # The future hypothesis of spot 1 is that nothing follows: the same odds; and a link to look back from.
    assert found.links.item() == pytest.approx(LOG_2)
    assert found.future.item() == pytest.approx(LOG_2)
    assert found.real.item() == pytest.approx(LOG_2)


def test_a_spot_that_ends_and_one_that_begins(undecided, spots_of):
    #  0   1      two particles: that 0 ends and that 1 begins are asked, and each is as likely as not
    found = losses(undecided, lesson_of(spots_of([0, 1], [[0, 0], [0.5, 0]]), [0, 1], [-1, -1]), depth=1, width=1)
    assert found.links.item() == pytest.approx(LOG_2)


def test_two_candidates(undecided, spots_of):
    #      1
    #  0 <         0 goes on to 1: one of three possibilities, that 2 begins two of three
    #      2
    spots = spots_of([0, 1, 1], [[0, 0], [0.5, 0], [-0.5, 0]])
    found = losses(undecided, lesson_of(spots, [0, 0, 1], [1, -1, -1]), depth=1, width=0)
    assert found.links.item() == pytest.approx((math.log(3) + math.log(3 / 2)) / 2)


def test_the_expected_place_is_judged_by_its_likelihood(undecided, spots_of):
    #  0 . . . x      2 away from where it is expected, with a variance of 1: 2^2 / 2
    spots = spots_of([0], [[0, 0]])
    found = losses(undecided, lesson_of(spots, [0], [-1], ahead={0: (2, 0, 0)}), depth=1, width=0)
    assert found.expected.item() == pytest.approx(2)
    # A track that went astray does not count more than so much.
    found = losses(undecided, lesson_of(spots, [0], [-1], ahead={0: (1e3, 0, 0)}), depth=1, width=0)
    assert found.expected.item() == pytest.approx(30)


def test_the_total_is_the_weighted_sum(undecided, spots_of):
    spots = spots_of([0, 1], [[0, 0], [0.5, 0]])
    found = losses(undecided, lesson_of(spots, [0, 0], [1, -1], ahead={0: (1, 0, 0)}), depth=1, width=1)
    total = found.links + 0.5 * found.future + EXPECTED * found.expected + REAL * found.real
    assert found.total().item() == pytest.approx(total.item())


def test_the_order_of_spots_and_their_place_do_not_matter(untrained, spots_of, tiny):
    network = untrained()
    movie = tiny.spots
    moved = replace(tiny, spots=replace(movie, position=movie.position + 0.0, frame=movie.frame + 3))
    plain, shifted = (losses(network, one, depth=3, width=2) for one in (tiny, moved))
    assert shifted.total().item() == pytest.approx(plain.total().item(), rel=1e-4)
    assert plain.right == shifted.right


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_every_weight_takes_part_in_learning(kind, tiny, untrained):
    network = untrained(kind, fond=1.0)
    # Without a future the network learns what to do when there is none.
    (losses(network, tiny, depth=3, width=3).total() + losses(network, tiny, depth=3, width=0).total()).backward()
    for name, weights in network.named_parameters():
        if name.startswith("past.nothing_known"):
            continue  # of pasts that are not looked at: there are none
        assert weights.grad is not None, name
        assert torch.isfinite(weights.grad).all(), name
        assert (weights.grad != 0).any(), name


def test_the_gradient_is_that_of_the_loss(untrained, spots_of):
    #  t=0 1 2 3        positions within reach of each other, so that all links weigh on all others
    #    a a . a
    #    b . b b
    spots = spots_of([0, 0, 1, 2, 3, 3], [[0, 0], [0, 1.1], [0.3, 0.1], [0.2, 1.2], [0.5, 0.2], [0.1, 1.5]])
    lesson = lesson_of(spots, [0, 1, 0, 1, 0, 1], [2, 3, 4, 5, -1, -1])
    network = untrained(seed=3)
    # What is expected is held still, as the losses of links do not reach what it is made of.
    with torch.no_grad():
        for cell in (network.past, network.future):
            cell.expect.weight.zero_()
            cell.expect.bias.view(MAX_STEP, -1)[:, :N_VECTORS].zero_()

    def loss():
        found = losses(network, lesson, depth=3, width=2)
        return found.links + found.future

    loss().backward()
    weights = [one for one in network.parameters() if one.grad is not None]
    rng = torch.Generator().manual_seed(1)
    # Along some direction in which all weights change at once; links and gates are as they were after a small step.
    way = [torch.randn(one.shape, generator=rng) for one in weights]
    slope = sum((one.grad * step).sum() for one, step in zip(weights, way, strict=True)).item()
    around = []
    for size in (1e-4, -2e-4):
        with torch.no_grad():
            for one, step in zip(weights, way, strict=True):
                one.add_(size * step)
            around.append(loss().item())
    assert slope == pytest.approx((around[0] - around[1]) / 2e-4, rel=0.01)
    assert abs(slope) > 0.5


def test_what_is_expected_learns_from_where_particles_are_alone(tiny, untrained):
    network = untrained(fond=1.0)
    found = losses(network, tiny, depth=3, width=3)
    (found.links + found.future + found.real).backward()
    assert network.past.expect.weight.grad is None
    assert network.future.expect.weight.grad is None
    losses(network, tiny, depth=3, width=3).expected.backward()
    assert network.past.expect.weight.grad.abs().max() > 0
    assert network.future.expect.weight.grad.abs().max() > 0


def test_thirty_steps_on_one_lesson_make_it_easier(easy):
    torch.manual_seed(0)
    network = TrackNetwork(12)
    lesson = simulate_lesson(easy, 5, 12, np.random.default_rng(0))
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    found = []
    for _ in range(30):
        one = losses(network, lesson, depth=2, width=1)
        optimizer.zero_grad()
        one.total().backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        found.append(one)
    assert found[-1].links < 0.6 * found[0].links
    assert found[-1].future < 0.6 * found[0].future
    assert found[-1].total() < 0.6 * found[0].total()
    assert found[-1].right > found[0].right


def test_the_shipped_network_finds_an_easy_lesson_easy(shipped, easy):
    lesson = simulate_lesson(easy, 12, 25, np.random.default_rng(2))
    with torch.no_grad():
        found = losses(shipped, lesson, depth=3, width=3)
    assert found.right > 0.98
    assert found.links < 0.1
