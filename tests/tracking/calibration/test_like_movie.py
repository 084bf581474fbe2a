import numpy as np
import pytest

from tracking.calibration.like_movie import simulate_like
from tracking.simulation import BrownianMotion, SwitchingMotion


def test_a_frame_has_the_background_the_noise_and_the_light_of_its_model(model):
    movie = simulate_like(model.model_copy(update={"density": 4 / 256**2}), (256, 256), 8, np.dtype(np.float32), seed=1)
    frames = np.stack(list(movie)).astype(np.float64)
    # Of half a million pixels, a few hundred under spots: almost all are the ground's.
    ground = frames[np.abs(frames - 20) < 16]
    assert ground.mean() == pytest.approx(20.0, abs=0.1)
    assert ground.std() == pytest.approx(4.0, rel=0.03)
    # All light together: a spot of this height and width has 2 pi sigma^2 times as much (and pixels take 3 percent).
    n_spots = len(movie.truth.spots)
    assert (frames - 20).sum() == pytest.approx(n_spots * 40 * 2 * np.pi * 1.1**2, rel=0.15)


def test_noise_grows_with_the_light_as_the_gain_says(model):
    # As wide a spot as can be, so that one pixel of known light is drawn again and again.
    bright = model.model_copy(update={"motions": (BrownianMotion(step=0.0),), "density": 1 / 64**2, "survival": 1.0})
    movie = simulate_like(
        bright.model_copy(update={"psf_sigma": 12.0, "signal": 400.0}), (64, 64), 400, np.dtype(np.float32), 3
    )
    frames = np.stack(list(movie)).astype(np.float64)
    place = np.unravel_index(np.argmax(frames.mean(axis=0)), (64, 64))
    peak = frames[:, place[0], place[1]]
    # Variance: 4^2 + 0.8 * light; of 300 frames it is known to 8 percent.
    assert peak.var() == pytest.approx(16 + 0.8 * (peak.mean() - 20), rel=0.25)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_pixels_have_the_type_of_the_movie_and_any_frame_comes_alone(model, dtype):
    movie = simulate_like(model, (40, 50), 4, np.dtype(dtype), seed=2)
    frames = list(movie)
    assert len(movie) == 4
    assert frames[2].dtype == dtype
    assert frames[2].shape == (40, 50)
    np.testing.assert_array_equal(movie.frame(2), frames[2])
    again = simulate_like(model, (40, 50), 4, np.dtype(dtype), seed=2)
    np.testing.assert_array_equal(again.frame(2), frames[2])
    assert (simulate_like(model, (40, 50), 4, np.dtype(dtype), seed=3).frame(2) != frames[2]).any()


def test_dark_spots_are_holes_in_the_ground(model):
    dark = model.model_copy(update={"dark": True, "background": 200.0, "gain": 0.0})
    frames = np.stack(list(simulate_like(dark, (64, 64), 4, np.dtype(np.uint16), seed=4))).astype(float)
    assert 200 - frames.min() > frames.max() - 200 + 15


def test_what_is_hidden_and_clutter_change_the_picture_but_not_the_truth(model):
    flicker = model.model_copy(update={"hidden": 0.5, "clutter": 1.0})
    plain, other = (simulate_like(one, (128, 128), 6, np.dtype(np.float32), seed=5) for one in (model, flicker))
    np.testing.assert_array_equal(plain.truth.spots, other.truth.spots)
    assert np.abs(plain.frame(0) - other.frame(0)).max() > 15


def test_all_kinds_of_motion_of_a_mixture_are_there(model):
    fast, slow = SwitchingMotion(step=0.1, speed=6.0, switch_probability=0.05), BrownianMotion(step=0.1)
    mixed = model.model_copy(update={"motions": (slow, slow, slow, fast), "density": 400 / 512**2, "survival": 1.0})
    spots = simulate_like(mixed, (512, 512), 30, np.dtype(np.uint16), seed=6).truth.spots
    spread = spots.groupby("particle")["x"].agg(np.ptp)
    is_long = spots.groupby("particle").size() == 30
    # Of 400 particles a quarter is fast, 100 +- 9; those that leave the field are cut, hence fewer.
    assert 0.12 < (spread[is_long] > 5).mean() < 0.3


def test_a_stack_has_its_slices(model):
    movie = simulate_like(model.model_copy(update={"z_spacing": 3.0}), (6, 40, 40), 3, np.dtype(np.uint16), seed=7)
    assert movie.frame(1).shape == (6, 40, 40)
    assert movie.truth.axes == ("z", "y", "x")
    assert movie.truth.spots["z"].between(-0.5, 5.5).all()


def test_a_movie_without_particles_can_be_drawn(model):
    empty = simulate_like(model.model_copy(update={"density": 1e-9}), (32, 32), 2, np.dtype(np.uint8), seed=8)
    assert empty.frame(0).shape == (32, 32)
