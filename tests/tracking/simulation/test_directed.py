import numpy as np
import pytest
from pydantic import ValidationError

from tracking.simulation import DirectedMotion


@pytest.mark.parametrize("n_axes", [2, 3])
def test_velocity_has_one_distribution_at_every_age(paths, n_axes):
    velocity = np.diff(paths(DirectedMotion(velocity=4.0, acceleration=0.6), n_particles=10_000, n_axes=n_axes), axis=0)
    # 10,000 values: the standard error of a standard deviation of 4 is 4 / sqrt(20,000) = 0.028.
    assert velocity.std(axis=1) == pytest.approx(np.full((49, n_axes), 4.0), abs=0.14)
    assert velocity.mean(axis=1) == pytest.approx(np.zeros((49, n_axes)), abs=0.18)


def test_the_mean_speed_in_a_plane_is_that_of_a_rayleigh_distribution(paths):
    velocity = np.diff(paths(DirectedMotion(velocity=4.0), n_particles=20_000, n_frames=2), axis=0)[0]
    assert np.hypot(*velocity.T).mean() == pytest.approx(4 * np.sqrt(np.pi / 2), abs=0.09)


def test_all_directions_are_alike(paths):
    velocity = np.diff(paths(DirectedMotion(), n_particles=20_000, n_frames=2), axis=0)[0]
    octants = np.bincount((np.floor(np.arctan2(*velocity.T) / (np.pi / 4)) % 8).astype(int), minlength=8)
    # Chi squared with 7 degrees of freedom: 24.3 is passed once in a thousand times.
    assert ((octants - 2500) ** 2 / 2500).sum() < 24.3


def test_velocity_changes_by_the_acceleration(paths):
    velocity = np.diff(paths(DirectedMotion(velocity=4.0, acceleration=0.6)), axis=0)
    kept = np.sqrt(1 - 0.15**2)
    assert (velocity[1:] - kept * velocity[:-1]).std() == pytest.approx(0.6, abs=0.005)
    assert (velocity[1:] * velocity[:-1]).mean() / (velocity**2).mean() == pytest.approx(kept, abs=0.001)


def test_without_acceleration_paths_are_straight(paths):
    path = paths(DirectedMotion(velocity=4.0, acceleration=0.0), n_particles=50)
    assert np.diff(path, n=2, axis=0) == pytest.approx(np.zeros((48, 50, 2)), abs=1e-9)
    assert np.abs(path[-1]).max() > 49


def test_acceleration_above_velocity_is_refused():
    with pytest.raises(ValidationError, match="`acceleration` must be at most `velocity`"):
        DirectedMotion(velocity=(0.5, 4.0), acceleration=0.6)
