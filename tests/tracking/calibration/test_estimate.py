import numpy as np
import pandas as pd
import pytest

from tracking.calibration.estimate import estimate_movie
from tracking.calibration.look import look_at
from tracking.calibration.simulated_spots import Stage
from tracking.detection import DetectionOptions, prepare_detector
from tracking.linking import LinkingOptions
from tracking.simulation import simulate

LINKING = LinkingOptions(method="recurrent")
N_FRAMES, SIDE = 30, 160

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module", params=["vesicle", "microtubule"])
def estimated(request, shipped):
    scenario = request.param
    movie = simulate(
        scenario, density=45, snr=5, seed=11, overrides={"n_frames": N_FRAMES, "frame_shape": (SIDE, SIDE)}
    )
    frames = list(movie)
    detector = prepare_detector(frames[::4], DetectionOptions(device="cpu"))
    spots = pd.concat(
        [detector.detect(one).assign(frame=number) for number, one in enumerate(frames)], ignore_index=True
    )
    gain = float(str(detector.settings["noise_gain"]))
    look = look_at(spots, shipped, detector.frame_shape, gain, LINKING)
    stage = Stage(detector.frame_shape, N_FRAMES, movie.dtype, detector, LINKING)
    return scenario, movie, estimate_movie(look, gain, stage, shipped, n_frames=N_FRAMES, rounds=3, seed=1)


def test_what_a_movie_was_simulated_from_is_found_again(estimated):
    scenario, movie, estimate = estimated
    model, options = estimate.model, movie.options
    # Against what is in this one movie, as the number of particles fluctuates from movie to movie. Some 1,300 spots of
    # 90 tracks; 60 of them end, hence a standard error of 13 percent for the death rate.
    in_movie = len(movie.truth.spots) / N_FRAMES / SIDE**2
    assert model.density == pytest.approx(in_movie, rel=0.15)
    assert 1 - model.survival == pytest.approx(1 - options.survival, rel=0.6)
    # Counts; the gain is 1 and the background 10 photons. Fits to elongated spots take them for a little fainter.
    assert model.signal == pytest.approx(options.peak, rel=0.1)
    assert model.background == pytest.approx(10, rel=0.05)
    assert model.noise == pytest.approx(np.sqrt(10), rel=0.05)
    assert model.psf_sigma == pytest.approx(options.psf_sigma, rel=0.12)
    assert model.psf_elongation == pytest.approx(options.psf_elongation, rel=0.25)
    assert estimate.found.detected > 0.9
    assert model.hidden < 0.05
    # 1,200 steps in two axes, and what linking does to them.
    true = movie.truth.spots.sort_values(["particle", "frame"])
    is_step = (true["particle"].diff() == 0).to_numpy()
    step = np.sqrt((true[["y", "x"]].diff()[is_step] ** 2).to_numpy().mean())
    unit = estimate.motion.unit
    assert unit == pytest.approx(step, rel=0.15)
    likeliest = next(iter(estimate.motion.shares()))
    # A well wider than tracks are long cannot be told from free diffusion.
    assert any(
        kind in likeliest for kind in {"vesicle": ("brownian", "confined"), "microtubule": ("directed",)}[scenario]
    )


def test_draws_lie_around_the_estimate(estimated):
    _, _, estimate = estimated
    rng = np.random.default_rng(0)
    draws = [estimate.draw(rng) for _ in range(50)]
    density = np.log([one.density / estimate.model.density for one in draws])
    assert abs(density.mean()) < 0.1
    assert density.std() == pytest.approx(estimate.relative_error["density"], rel=0.4)
    assert all(0.3 < one.survival < 1 for one in draws)
