from dataclasses import replace

import numpy as np
import pytest

from tracking.calibration.adjust import adjust_spots, adjust_tracks, mean_model
from tracking.calibration.found_spots import FoundSpots
from tracking.calibration.look import MovieStatistics, SpotStatistics
from tracking.calibration.simulated_spots import SimulatedSpots

SPOTS = SpotStatistics(
    spots_per_pixel=0.002,
    nearest=10.0,
    signal=40.0,
    signal_spread=0.1,
    snr=6.0,
    background=20.0,
    noise=4.0,
    size=1.1,
    eccentricity=0.2,
    error=0.1,
)
TRACKS = {"scale": 2.0, "missed": 0.05, "loose": 0.1, "ended": 0.05, "directed": 0.0, "uneven": 0.3}
FOUND = FoundSpots(detected=1.0, false=0.0, error=np.array([0.1, 0.1]), resolution=2.5)


def seen(**statistics):
    return SimulatedSpots(None, None, replace(SPOTS, **statistics), 0.8, FOUND)  # type: ignore[arg-type]


def test_what_agrees_stays_as_it_is(model):
    adjusted = adjust_spots(model, SPOTS, 0.8, seen(), 1.0)
    numbers = {"motions", "dark"}
    assert adjusted.model_dump(exclude=numbers) == pytest.approx(model.model_dump(exclude=numbers))
    wanted = MovieStatistics(**vars(SPOTS), **TRACKS)
    assert adjust_tracks(model, wanted, wanted, 1.0).survival == pytest.approx(model.survival)


@pytest.mark.parametrize(
    ("name", "of_model"),
    [("spots_per_pixel", "density"), ("signal", "signal"), ("size", "psf_sigma"), ("noise", "noise")],
)
def test_what_was_too_little_is_raised_by_as_much(model, name, of_model):
    adjusted = adjust_spots(model, SPOTS, 0.8, seen(**{name: getattr(SPOTS, name) / 1.2}), 1.0)
    assert getattr(adjusted, of_model) == pytest.approx(1.2 * getattr(model, of_model))


def test_where_few_are_found_the_signal_takes_longer_steps(model):
    faint = replace(seen(signal=44.0), found=replace(FOUND, detected=0.5))
    assert adjust_spots(model, SPOTS, 0.8, faint, 1.0).signal == pytest.approx(model.signal / 1.1**2)


def test_longer_spots_are_wanted_longer_and_no_wider(model):
    adjusted = adjust_spots(model, SPOTS, 0.8, seen(eccentricity=0.1), 1.0)
    assert adjusted.psf_elongation > 1.05
    assert adjusted.psf_sigma * adjusted.psf_elongation**0.5 == pytest.approx(model.psf_sigma)


def test_lifetimes_hidden_particles_and_clutter_follow_the_tracks(model):
    wanted = MovieStatistics(**vars(SPOTS), **TRACKS)
    adjusted = adjust_tracks(model, wanted, replace(wanted, ended=0.025, missed=0.0, loose=0.05), 1.0)
    assert adjusted.survival < model.survival
    assert adjusted.hidden == pytest.approx(0.05)
    assert adjusted.clutter == pytest.approx(0.05 / 0.9)
    back = adjust_tracks(model, wanted, replace(wanted, ended=0.1, missed=0.1, loose=0.2), 1.0)
    assert back.survival > model.survival
    assert back.hidden == back.clutter == 0


def test_what_cannot_be_told_is_left_alone(model):
    unknown = replace(SPOTS, size=float("nan"), eccentricity=float("nan"))
    adjusted = adjust_spots(model, unknown, 0.8, seen(size=float("nan"), eccentricity=float("nan")), 1.0)
    assert adjusted.psf_sigma == model.psf_sigma


def test_the_mean_of_models_is_between_them(model):
    other = model.model_copy(update={"density": 4 * model.density, "survival": 0.85})
    middle = mean_model([other, model])
    assert middle.density == pytest.approx(2 * model.density)
    assert middle.survival == pytest.approx(0.9)
    assert middle.motions == model.motions
