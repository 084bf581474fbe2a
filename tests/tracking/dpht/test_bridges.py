from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from tracking.dpht.bridges import Bridges, bridges
from tracking.dpht.cell import MAX_STEP, N_VECTORS, States


def expecting(mean, variance, n=1):
    """States that expect the same displacement per frame, and a variance that grows with the number of frames."""
    steps = torch.arange(1, MAX_STEP + 1, dtype=torch.float32)[:, None]
    means = steps * torch.tensor(mean, dtype=torch.float32)
    log_variance = torch.cat([torch.log(variance * steps), torch.full_like(steps, -12)], dim=1)
    return States(
        torch.zeros(n, 4),
        torch.zeros(n, N_VECTORS, 3),
        torch.zeros(n),
        means.expand(n, MAX_STEP, 3),
        log_variance.expand(n, MAX_STEP, 2),
    )


@pytest.fixture
def bridged(spots_of):
    """Places inside a link from (0, 0) at frame 0 to somewhere, ``length`` frames later."""

    def make(place, length, past, future) -> Bridges:
        spots = spots_of([0, length], [(0,) * len(place), place])
        before = SimpleNamespace(spots=slice(0, 1), states=past)
        now = SimpleNamespace(spots=slice(1, 2), source=np.array([0]))
        after = SimpleNamespace(states=future, spot=np.array([1]), first=np.array([0, 1]), log_weight=torch.zeros(1))
        return bridges(spots, now, {0: before}, after)

    return make


def test_a_link_to_the_next_frame_needs_no_bridge(bridged):
    assert len(bridged((1.0, 0.0), 1, expecting((0, 0, 0), 1), expecting((0, 0, 0), 1)).spot) == 0


@pytest.mark.parametrize("length", [2, 3, 4])
def test_diffusion_gives_the_brownian_bridge(bridged, length):
    #  0 . . x      at k of n frames: k/n of the way, with a variance of k (n - k) / n
    found = bridged((3.0, 6.0), length, expecting((0, 0, 0), 1.0), expecting((0, 0, 0), 1.0))
    k = np.arange(1, length)
    np.testing.assert_allclose(found.position[:, :2], k[:, None] / length * [3, 6], rtol=1e-4)
    np.testing.assert_allclose(found.covariance[:, 0, 0], k * (length - k) / length, rtol=1e-4)
    np.testing.assert_allclose(found.covariance[:, 0, 1], 0, atol=1e-5)
    assert found.before.tolist() == (length - k).tolist()
    assert found.spot.tolist() == [1] * (length - 1)


def test_what_past_and_future_agree_on_is_where_it_is(bridged):
    #  two frames of (2, 1) each, as both sides expect
    found = bridged((4.0, 2.0), 2, expecting((2, 1, 0), 0.5), expecting((-2, -1, 0), 0.5))
    np.testing.assert_allclose(found.position, [[2, 1, 0]], rtol=1e-5)


def test_who_is_surer_counts_for_more(bridged):
    # The past expects (1, 0) and is sure; the future expects the particle to have stood still at (4, 0).
    found = bridged((4.0, 0.0), 2, expecting((1, 0, 0), 0.01), expecting((0, 0, 0), 1.0))
    np.testing.assert_allclose(found.position[0, 0], (1 / 0.01 + 4 / 1) / (1 / 0.01 + 1 / 1), rtol=1e-3)
    assert found.covariance[0, 0, 0] < 0.01


def test_the_product_of_two_densities_is_proportional_to_the_bridge(bridged):
    past, future = expecting((1.0, 0.5, 0.2), 0.7), expecting((-0.3, 0.4, -1.0), 1.3)
    place = np.array([2.0, 1.0, 0.5])
    found = bridged(tuple(place), 2, past, future)
    one = torch.ones(1, dtype=torch.int64)
    row, axes = torch.zeros(1, dtype=torch.int64), torch.full((1,), 3.0)
    opinions = [
        (np.zeros(3), past.expected(row, one, axes)),
        (place, future.expected(row, one, axes)),
    ]
    at = np.random.default_rng(0).normal(1, 1, (5, 3))
    product = sum(
        multivariate_normal.logpdf(at, start + gaussian.mean[0].numpy(), gaussian.covariance()[0].numpy())
        for start, gaussian in opinions
    )
    bridge = multivariate_normal.logpdf(at, found.position[0], found.covariance[0])
    np.testing.assert_allclose(product - product[0], bridge - bridge[0], atol=1e-3)


def test_the_likeliest_future_decides(bridged, spots_of):
    # Two hypotheses of the spot after the gap: it came from the left, probable, or from the right.
    spots = spots_of([0, 2], [(0, 0), (2, 0)])
    future = States.join([expecting((1, 0, 0), 0.1), expecting((-1, 0, 0), 0.1)])
    now = SimpleNamespace(spots=slice(1, 2), source=np.array([0]))
    before = SimpleNamespace(spots=slice(0, 1), states=expecting((1, 0, 0), 0.1))
    found = []
    for weights in ([0.1, 0.9], [0.9, 0.1]):
        after = SimpleNamespace(
            states=future, spot=np.array([1, 1]), first=np.array([0, 2]), log_weight=torch.log(torch.tensor(weights))
        )
        found.append(bridges(spots, now, {0: before}, after).position[0, 0])
    np.testing.assert_allclose(found, [1, 2], rtol=1e-4)


def test_joined_bridges_are_one_after_the_other(bridged):
    still = expecting((0, 0, 0), 1.0)
    first, second = bridged((1.0, 0.0), 2, still, still), bridged((0.0, 1.0), 3, still, still)
    joined = Bridges.join([first, second])
    for one in fields(Bridges):
        expected = np.concatenate([getattr(first, one.name), getattr(second, one.name)])
        np.testing.assert_array_equal(getattr(joined, one.name), expected)
    assert Bridges.join([]).position.shape == (0, 3)
