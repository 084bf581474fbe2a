import numpy as np
import pytest
import torch

from tracking.calibration.estimate import Estimate
from tracking.calibration.fine_tune import fine_tune
from tracking.calibration.fit_motion import MotionFit
from tracking.calibration.found_spots import FoundSpots
from tracking.calibration.like_kind import like_kind
from tracking.calibration.motion_family import FAMILIES
from tracking.dpht.network import TrackNetwork
from tracking.dpht.stream import simulate_lesson


@pytest.fixture
def estimate(model) -> Estimate:
    brownian = next(one for one in FAMILIES if one.kinds == ("brownian",))
    fit = MotionFit((brownian,), (np.array([0.6, 0.1]),), np.zeros(1), 1.5, 20)
    found = FoundSpots(detected=0.97, false=0.01, error=np.array([0.15, 0.15]), resolution=2.5)
    return Estimate(model, fit, found, {"density": 0.05, "death": 0.1, "signal": 0.01})


@pytest.mark.parametrize("n_axes", [2, 3])
def test_lessons_are_drawn_around_the_estimate(estimate, n_axes):
    rng = np.random.default_rng(0)
    errors = FoundSpots(0.97, 0.01, np.array([0.3, 0.15, 0.15])[-n_axes:], 2.5)
    estimate = Estimate(estimate.model, estimate.motion, errors, estimate.relative_error)
    kinds = [like_kind(estimate, n_axes, rng) for _ in range(200)]
    assert np.median([kind.survival for kind in kinds]) == pytest.approx(0.95, abs=0.01)
    assert np.median([kind.detected for kind in kinds]) == pytest.approx(0.97, abs=0.01)
    assert np.median([kind.error for kind in kinds]) == pytest.approx(0.15, rel=0.1)
    assert {kind.error_z for kind in kinds} == {2.0 if n_axes == 3 else 1.0}
    # None is the other's copy, and all can be simulated.
    assert len({kind.density for kind in kinds}) == 200
    assert simulate_lesson(kinds[0], 12, 20.0, rng) is not None


def test_the_density_of_lessons_is_that_of_the_movie(estimate):
    kinds = [like_kind(estimate, 2, np.random.default_rng(seed)) for seed in range(300)]
    step = np.mean(estimate.motion.best[0].step)
    # Particles within one root mean square displacement, sqrt(2) steps, of a place.
    expected = estimate.model.density * np.pi * 2 * step**2
    assert np.exp(np.mean([np.log(kind.density) for kind in kinds])) == pytest.approx(expected, rel=0.08)


@pytest.mark.slow
def test_an_untrained_network_learns_and_the_given_one_stays_as_it_is(estimate):
    torch.manual_seed(0)
    network = TrackNetwork(16, "gru").eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = fine_tune(network, estimate, 2, minutes=0.4, seed=1)
    assert all((before[name] == value).all() for name, value in network.state_dict().items())
    # From a loss that knows nothing to one that knows a little: the rate is that of fine-tuning.
    assert found.loss_after < 0.97 * found.loss_before
    assert found.n_steps == found.n_planned == 24
    once, again = (fine_tune(network, estimate, 2, minutes=0.1, seed=1) for _ in range(2))
    assert again.loss_after == once.loss_after != once.loss_before
