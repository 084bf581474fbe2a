import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.calibration.motion_family import FAMILIES, simulated_steps
from tracking.simulation import BrownianMotion, DirectedMotion


@given(data=st.data(), family=st.sampled_from(FAMILIES), unit=st.floats(0.01, 100))
def test_every_place_is_a_motion_that_can_be_simulated(data, family, unit):
    place = np.array(data.draw(st.lists(st.floats(0, 1), min_size=len(family.bounds), max_size=len(family.bounds))))
    motions = family.motions(place, unit)
    steps = simulated_steps(motions, np.zeros(2), 8, 4, np.random.default_rng(0))
    assert np.isfinite(steps.displacement).all()
    assert len(motions) in (1, 4)


def test_a_mixture_is_made_of_quarters():
    family = next(one for one in FAMILIES if one.kinds == ("brownian", "directed") and one.quarters == (3, 1))
    motions = family.motions(np.full(len(family.bounds), 0.5), 1.0)
    assert [motion.kind for motion in motions] == ["brownian"] * 3 + ["directed"]
    assert family.name == "75% brownian + 25% directed"


@pytest.mark.parametrize("n_axes", [2, 3])
def test_errors_of_the_position_widen_steps(n_axes):
    error = np.full(n_axes, 0.5)
    steps = simulated_steps((BrownianMotion(step=2.0),), error, 4000, 6, np.random.default_rng(1))
    # Variance of a step along an axis: 2^2 + 2 * 0.5^2; of 20,000 steps known to 1 percent.
    np.testing.assert_allclose(steps.displacement.var(axis=0), 4.5, rtol=0.05)


def test_runs_are_particles_in_the_order_of_time():
    steps = simulated_steps(
        (DirectedMotion(velocity=3.0, acceleration=0.0),), np.zeros(2), 5, 4, np.random.default_rng(2)
    )
    assert steps.run.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    of_run = steps.displacement.reshape(5, 3, 2)
    np.testing.assert_allclose(of_run, np.broadcast_to(of_run[:, :1], of_run.shape))
