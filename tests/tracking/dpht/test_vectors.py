import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis
from scipy.stats import multivariate_normal, ortho_group

from tracking.dpht.vectors import Gaussians, inner_products

SEEDS = st.integers(0, 2**32 - 1)


def test_products_of_two_vectors_are_their_squares_and_what_is_between():
    #  b
    #  |      a = (1, 0, 0), b = (0, 2, 0): a.a = 1, a.b = 0, b.b = 4
    #  + - a
    found = inner_products(torch.tensor([[[1.0, 0, 0], [0, 2, 0]]]))
    np.testing.assert_allclose(found, [[np.log(5), 0, np.log(17)]], rtol=1e-6)


@given(SEEDS, st.integers(1, 6))
def test_products_are_those_of_a_loop(seed, k):
    vectors = np.random.default_rng(seed).normal(0, 2, (3, k, 3))
    expected = [
        [np.sign(a @ b) * np.log(1 + 4 * abs(a @ b)) for i, a in enumerate(some) for b in some[i:]] for some in vectors
    ]
    np.testing.assert_allclose(inner_products(torch.from_numpy(vectors)), expected, rtol=1e-10, atol=1e-12)


@given(SEEDS)
def test_products_do_not_know_how_the_camera_is_turned(seed):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, 2, (4, 5, 3))
    # Rotations, and rotations with a reflection, evenly.
    turned = vectors @ ortho_group.rvs(3, random_state=rng)
    np.testing.assert_allclose(
        inner_products(torch.from_numpy(turned)), inner_products(torch.from_numpy(vectors)), atol=1e-10
    )


def test_products_tell_apart_what_differs_in_more_than_orientation():
    #  straight on: a a        back again: a -a
    straight = torch.tensor([[[1.0, 0, 0], [1, 0, 0]]])
    back = torch.tensor([[[1.0, 0, 0], [-1, 0, 0]]])
    assert not torch.allclose(inner_products(straight), inner_products(back))


@st.composite
def gaussians(draw, spread=4.0):
    rng, n = np.random.default_rng(draw(SEEDS)), 5
    n_axes = draw(st.sampled_from([2, 3]))
    mean, position = rng.normal(0, 2, (n, 3)), rng.normal(0, 3, (n, 3))
    mean[:, n_axes:] = position[:, n_axes:] = 0
    log_variance = rng.uniform(-spread, spread, (n, 2))
    made = Gaussians(torch.from_numpy(mean), torch.from_numpy(log_variance), torch.full((n,), float(n_axes)))
    return made, n_axes, mean, position


@settings(deadline=None)
@given(gaussians())
def test_distance_and_determinant_are_those_of_the_covariance(one):
    made, n_axes, mean, position = one
    distance, log_determinant = made.distance(torch.from_numpy(position)), made.log_determinant()
    for k, whole in enumerate(made.covariance().numpy()):
        covariance = whole[:n_axes, :n_axes]
        apart = mahalanobis(position[k, :n_axes], mean[k, :n_axes], np.linalg.inv(covariance)) ** 2
        np.testing.assert_allclose(distance[k], apart, rtol=1e-6)
        np.testing.assert_allclose(log_determinant[k], np.linalg.slogdet(covariance)[1], rtol=1e-6, atol=1e-6)
        density = -0.5 * (distance[k] + log_determinant[k] + n_axes * np.log(2 * np.pi))
        expected = multivariate_normal.logpdf(position[k, :n_axes], mean[k, :n_axes], covariance)
        np.testing.assert_allclose(density, expected, rtol=1e-6, atol=1e-6)


def test_the_covariance_is_longer_along_the_way_to_the_mean():
    #  from the particle at + to its mean at m, 5 away: 1 across, 1 + 5^2 * .12 along
    #
    #  + - - - - m
    made = Gaussians(torch.tensor([[5.0, 0, 0]]), torch.log(torch.tensor([[1.0, 0.12]])), torch.tensor([2.0]))
    np.testing.assert_allclose(made.covariance()[0], np.diag([4.0, 1, 1]), atol=1e-5)
    places = torch.tensor([[7.0, 0, 0], [5.0, 2, 0]])
    np.testing.assert_allclose([made.distance(one[None])[0] for one in places], [1, 4], rtol=1e-5)


def test_a_particle_that_is_expected_where_it_is_has_a_round_covariance():
    made = Gaussians(torch.zeros(1, 3), torch.log(torch.tensor([[2.0, 3.0]])), torch.tensor([3.0]))
    np.testing.assert_allclose(made.covariance()[0], 2 * np.eye(3), atol=1e-6)
    np.testing.assert_allclose(made.log_determinant(), 3 * np.log(2), rtol=1e-6)
    np.testing.assert_allclose(made.distance(torch.tensor([[0.0, 2, 0]])), [2], rtol=1e-6)


@settings(deadline=None)
@given(gaussians(spread=6.0), st.floats(1, 1e4))
def test_distances_are_never_negative_in_single_precision(one, times):
    # Far out along the way the square of the distance and what is taken off it are nearly the same number.
    made, _, mean, _ = one
    log_variance = torch.stack([made.across.log() - 6, made.added.log()], dim=1).float()
    narrow = Gaussians(torch.from_numpy(mean).float(), log_variance, made.n_axes.float())
    distance = narrow.distance(torch.from_numpy(times * mean).float())
    assert (distance >= 0).all()
    assert torch.isfinite(torch.log1p(distance)).all()


def test_covariance_turns_with_the_mean():
    rng = np.random.default_rng(3)
    turn = ortho_group.rvs(3, random_state=rng)
    mean, log_variance = rng.normal(0, 2, (6, 3)), torch.from_numpy(rng.normal(0, 1, (6, 2)))
    axes = torch.full((6,), 3.0)
    plain = Gaussians(torch.from_numpy(mean), log_variance, axes).covariance().numpy()
    turned = Gaussians(torch.from_numpy(mean @ turn.T), log_variance, axes).covariance().numpy()
    np.testing.assert_allclose(turned, turn @ plain @ turn.T, atol=1e-10)
