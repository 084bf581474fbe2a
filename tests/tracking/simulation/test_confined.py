import numpy as np
import pytest
from pydantic import ValidationError

from tracking.simulation import ConfinedMotion


def test_the_mean_square_displacement_is_that_of_an_ornstein_uhlenbeck_process(paths):
    step, radius = 1.2, 2.0
    kept = np.sqrt(1 - (step / radius) ** 2)
    path = paths(ConfinedMotion(step=step, radius=radius), n_particles=20_000)
    for lag in (1, 2, 5, 20, 49):
        expected = 2 * radius**2 * (1 - kept**lag)
        # 40,000 squares of normal values: a standard error of 0.7 percent.
        assert ((path[lag] - path[0]) ** 2).mean() == pytest.approx(expected, rel=0.035)


def test_it_is_confined_from_birth_on(paths):
    path = paths(ConfinedMotion(step=1.0, radius=2.0), n_particles=500, n_frames=2000)
    # Round the middle of its well every particle spreads by the radius. 2000 frames hold some 130 relaxation times.
    spread = path.std(axis=0)
    assert spread.mean() == pytest.approx(2.0, abs=0.05)
    # The first position, 0, is an ordinary one of the path.
    assert (path.mean(axis=0) / spread).std() == pytest.approx(1.0, abs=0.1)


def test_a_step_above_the_radius_is_refused():
    with pytest.raises(ValidationError, match="`step` must be at most `radius`"):
        ConfinedMotion(step=3.0, radius=2.0)
