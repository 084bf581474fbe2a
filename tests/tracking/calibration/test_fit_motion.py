import numpy as np
import pytest

from tracking.calibration.fit_motion import fit_motion
from tracking.calibration.motion_family import simulated_steps
from tracking.calibration.motion_features import features_and_covariance
from tracking.simulation import BrownianMotion, ConfinedMotion, DirectedMotion, SwitchingMotion

ERROR = np.array([0.15, 0.15])

# Some 300 tracks of 12 spots, as a small movie has.
pytestmark = pytest.mark.slow


def fitted(motions, seed=5):
    steps = simulated_steps(motions, ERROR, 300, 12, np.random.default_rng(seed))
    unit = float(np.sqrt((steps.displacement**2).mean()))
    return fit_motion(*features_and_covariance(steps, unit), ERROR, unit, seed=0)


def test_diffusion_is_told_with_its_step():
    fit = fitted((BrownianMotion(step=2.0),))
    # Steps are known to 1.5 percent (3,300 steps in two axes, correlated features): 6 percent is four times that.
    (motion,) = fit.best
    assert motion.kind in ("brownian", "confined")
    assert np.mean(motion.step) == pytest.approx(2.0, rel=0.06)
    # A well wider than the tracks are long cannot be told from none.
    if motion.kind == "confined":
        assert motion.radius[0] > 4 * 2.0


def test_straight_motion_is_told_with_its_acceleration():
    fit = fitted((DirectedMotion(velocity=3.9, acceleration=0.6),))
    assert next(iter(fit.shares())) == "directed"
    (motion,) = fit.best
    # 300 velocities in two axes are known to 4 percent.
    assert np.mean(motion.velocity) == pytest.approx(3.9, rel=0.12)
    assert motion.acceleration[0] == pytest.approx(0.6, rel=0.15)


def test_switching_is_told_from_mixtures():
    fit = fitted((SwitchingMotion(),))
    assert next(iter(fit.shares())) == "switching"
    (motion,) = fit.best
    assert np.mean(motion.step) == pytest.approx(1.2, rel=0.2)
    assert np.mean(motion.speed) == pytest.approx(3.0, rel=0.1)
    # 300 tracks see some 330 switches; which steps they are between is not seen.
    assert np.mean(motion.switch_probability) == pytest.approx(0.1, rel=0.4)


def test_confinement_is_told_with_its_radius():
    fit = fitted((ConfinedMotion(step=1.0, radius=1.8),))
    assert "confined" in next(iter(fit.shares()))
    confined = [motion for motion in fit.best if motion.kind == "confined"]
    assert len(confined) >= len(fit.best) / 2
    assert confined[0].radius[0] == pytest.approx(1.8, rel=0.2)


def test_a_mixture_is_told_from_its_parts():
    fit = fitted((BrownianMotion(step=1.0),) * 3 + (DirectedMotion(velocity=3.0, acceleration=0.3),))
    directed = [motion for motion in fit.best if motion.kind == "directed"]
    assert len(fit.best) == 4
    assert len(directed) == 1
    assert np.mean(directed[0].velocity) == pytest.approx(3.0, rel=0.25)
    slow = next(motion for motion in fit.best if motion.kind != "directed")
    assert np.mean(slow.step) == pytest.approx(1.0, rel=0.15)


def test_the_same_seed_gives_the_same_fit_and_draws_what_it_believes():
    one, other = fitted((BrownianMotion(step=1.0),)), fitted((BrownianMotion(step=1.0),))
    np.testing.assert_array_equal(one.loss, other.loss)
    assert one.best == other.best
    assert one.weights.sum() == pytest.approx(1)
    steps = [np.mean(motion.step) for _ in range(20) for motion in one.draw(np.random.default_rng(_))[:1]]
    assert np.mean(steps) == pytest.approx(1.0, rel=0.1)
