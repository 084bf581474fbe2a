import numpy as np
import pytest
from pydantic import ValidationError

from tracking.simulation import SwitchingMotion


@pytest.fixture
def phases(immortal):
    """Steps (n_frames - 1, n_particles, n_axes) and whether each is directed."""

    def make(motion, n_particles=3000, n_frames=60, n_axes=2, seed=0):
        walk = motion.walk(immortal(n_particles, n_frames), n_axes, np.random.default_rng(seed))
        steps = np.diff(walk.displacement.reshape(n_frames, n_particles, n_axes), axis=0)
        return steps, walk.directed.reshape(n_frames, n_particles)[:-1]

    return make


def test_half_of_the_steps_are_directed_at_every_age(phases):
    _, directed = phases(SwitchingMotion())
    # 3000 particles: a standard error of 0.009.
    assert directed.mean(axis=1) == pytest.approx(np.full(59, 0.5), abs=0.04)


def test_switches_come_at_their_rate_from_either_kind(phases):
    _, directed = phases(SwitchingMotion(switch_probability=0.1))
    switched = directed[1:] != directed[:-1]
    for before in (True, False):
        of = directed[:-1] == before
        assert switched[of].mean() == pytest.approx(0.1, abs=4.5 * np.sqrt(0.09 / of.sum()))


def test_a_range_of_probabilities_has_its_mean_rate_and_particles_that_differ(phases):
    _, directed = phases(SwitchingMotion(switch_probability=(0.05, 0.15)), n_particles=1000, n_frames=1000)
    rate = (directed[1:] != directed[:-1]).mean(axis=0)
    assert rate.mean() == pytest.approx(0.1, abs=0.005)
    # Evenly from 0.05 to 0.15 (variance 0.1^2 / 12), plus the binomial scatter of 1000 frames about each.
    assert rate.var() == pytest.approx(0.1**2 / 12 + 0.0892 / 1000, rel=0.15)


def test_directed_steps_have_a_speed_in_range_and_brownian_ones_their_spread(phases):
    steps, directed = phases(SwitchingMotion(step=1.2, speed=(2.0, 4.0)))
    speed = np.sqrt((steps[directed] ** 2).sum(axis=1))
    assert speed.min() >= 2 - 1e-9
    assert speed.max() <= 4 + 1e-9
    assert speed.mean() == pytest.approx(3.0, abs=0.05)
    assert steps[~directed].std(axis=0) == pytest.approx(np.full(2, 1.2), abs=0.02)


def test_velocity_is_constant_within_a_phase_and_new_in_the_next(phases):
    steps, directed = phases(SwitchingMotion(switch_probability=0.2), n_particles=500)
    goes_on = directed[1:] & directed[:-1]
    assert steps[1:][goes_on] == pytest.approx(steps[:-1][goes_on], abs=1e-9)
    frame, particle = np.nonzero(directed[2:] & ~directed[1:-1] & directed[:-2])
    unit = steps / np.sqrt((steps**2).sum(axis=2, keepdims=True))
    cosines = (unit[frame, particle] * unit[frame + 2, particle]).sum(axis=1)
    # Directions before and after a break are independent: the mean cosine of n pairs is 0 to 1 / sqrt(2 n).
    assert len(cosines) > 300
    assert cosines.mean() == pytest.approx(0, abs=4.5 / np.sqrt(2 * len(cosines)))


@pytest.mark.parametrize("n_axes", [2, 3])
def test_all_directions_are_alike(phases, n_axes):
    steps, directed = phases(SwitchingMotion(), n_axes=n_axes, n_frames=2, n_particles=20_000)
    unit = steps[directed] / np.sqrt((steps[directed] ** 2).sum(axis=1, keepdims=True))
    # On a circle or sphere every component has mean 0 and mean square 1 / n_axes.
    assert unit.mean(axis=0) == pytest.approx(np.zeros(n_axes), abs=0.035)
    assert (unit**2).mean(axis=0) == pytest.approx(np.full(n_axes, 1 / n_axes), abs=0.02)


def test_a_shared_direction_is_one_for_the_movie_and_another_in_the_next(phases):
    seen = []
    for seed in range(3):
        steps, directed = phases(SwitchingMotion(shared_direction=True), n_particles=200, n_axes=3, seed=seed)
        unit = steps[directed] / np.sqrt((steps[directed] ** 2).sum(axis=1, keepdims=True))
        assert unit == pytest.approx(np.broadcast_to(unit[0], unit.shape), abs=1e-9)
        seen.append(unit[0])
    assert max(seen[0] @ seen[1], seen[0] @ seen[2], seen[1] @ seen[2]) < 0.99


def test_the_extremes_of_the_switch_probability(phases):
    _, never = phases(SwitchingMotion(switch_probability=0), n_particles=100)
    assert (never == never[0]).all()
    _, always = phases(SwitchingMotion(switch_probability=1), n_particles=100)
    assert (always[1:] != always[:-1]).all()
    with pytest.raises(ValidationError, match="at most 1"):
        SwitchingMotion(switch_probability=(0.1, 1.1))
