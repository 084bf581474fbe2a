import numpy as np
import pytest

from tracking.simulation import BrownianMotion


@pytest.mark.parametrize("n_axes", [2, 3])
def test_steps_are_normal_and_independent(paths, n_axes):
    steps = np.diff(paths(BrownianMotion(step=2.0), n_axes=n_axes), axis=0)
    # 196,000 steps along each axis: the standard error of a variance of 4 is 4 sqrt(2 / 196,000) = 0.013.
    assert steps.var(axis=(0, 1)) == pytest.approx(np.full(n_axes, 4.0), abs=0.055)
    assert steps.mean(axis=(0, 1)) == pytest.approx(np.zeros(n_axes), abs=0.02)
    assert (steps**4).mean() / 16 == pytest.approx(3, abs=0.06)
    assert np.mean(steps[1:] * steps[:-1]) == pytest.approx(0, abs=0.04)
    assert np.mean(steps[..., 0] * steps[..., 1]) == pytest.approx(0, abs=0.04)


def test_the_mean_square_displacement_grows_in_proportion_to_time(paths):
    path = paths(BrownianMotion(step=1.5))
    assert [np.mean((path[lag] - path[0]) ** 2) / lag for lag in (1, 4, 16, 49)] == pytest.approx([2.25] * 4, rel=0.07)


def test_a_range_of_steps_is_a_range_of_particles(paths):
    steps = np.diff(paths(BrownianMotion(step=(1.0, 3.0)), n_particles=2000, n_frames=400), axis=0)
    own = steps.std(axis=(0, 2))
    # Each particle's own is known to 1 / sqrt(1600) = 2.5 percent.
    assert 0.9 < own.min() < 1.1
    assert 2.8 < own.max() < 3.3
    assert own.mean() == pytest.approx(2.0, abs=0.06)


def test_a_particle_starts_where_it_is_born(paths):
    assert not paths(BrownianMotion())[0].any()
