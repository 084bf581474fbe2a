import numpy as np
import pytest

from tracking.simulation.lifetimes import Lifetimes
from tracking.simulation.walk import add_up, stationary_series


def test_steps_are_added_up_particle_by_particle():
    # Three particles that live 3, 2 and 1 frames; the last step of each leads nowhere.
    lifetimes = Lifetimes(np.zeros(3, np.int64), np.array([3, 2, 1]))
    steps = np.array([[1, 10], [2, 20], [3, 30], [4, 40], [5, 50], [6, 60]], float)
    assert add_up(steps, lifetimes).tolist() == [[0, 0], [0, 0], [0, 0], [1, 10], [2, 20], [5, 50]]


def test_no_particles():
    lifetimes = Lifetimes(np.empty(0, np.int64), np.empty(0, np.int64))
    nothing = stationary_series(np.empty(0), np.empty(0), lifetimes, 2, np.random.default_rng(0))
    assert nothing.shape == add_up(nothing, lifetimes).shape == (0, 2)


def test_a_series_is_in_equilibrium_from_its_start(immortal):
    n, ages = 20_000, 30
    values = stationary_series(np.full(n, 3.0), np.full(n, 1.8), immortal(n, ages), 2, np.random.default_rng(0))
    values = values.reshape(ages, n, 2)
    # A standard deviation of 40,000 normal values has a standard error of 3 / sqrt(80,000) = 0.011.
    assert values.std(axis=(1, 2)) == pytest.approx(np.full(ages, 3.0), abs=0.045)
    # sqrt(1 - (1.8 / 3)^2) = 0.8 is kept from age to age.
    assert (values[0] * values[1]).mean() / 9 == pytest.approx(0.8, abs=0.03)
    assert (values[0] * values[5]).mean() / 9 == pytest.approx(0.8**5, abs=0.03)
    assert (values[1:] - 0.8 * values[:-1]).std() == pytest.approx(1.8, abs=0.01)


def test_a_series_without_noise_keeps_its_value_and_one_without_spread_is_zero(immortal):
    values = stationary_series(np.array([2.0, 0.0]), np.zeros(2), immortal(2, 4), 3, np.random.default_rng(0))
    values = values.reshape(4, 2, 3)
    assert (values[:, 0] == values[0, 0]).all()
    assert values[0, 0].all()
    assert not values[:, 1].any()
