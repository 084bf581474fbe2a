import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tracking.dpht.context import N_MOVIE, TrackStatistics, movie_context, spot_density, track_statistics


def statistics_of(rows):
    frame, particle, *place = zip(*rows, strict=True)
    return track_statistics(np.array(frame), np.array(particle), np.array(place, float).T)


def test_particles_that_go_straight_on():
    #  t=0 1 2 3 4       three pixels a frame
    #    a a a a a
    found = statistics_of([(t, 0, 0.0, 3.0 * t) for t in range(5)])
    assert found == TrackStatistics(missed=0, loose=0, ended=0, directed=1, uneven=pytest.approx(0), scale=3)


def test_particles_that_turn_back():
    found = statistics_of([(t, 0, 0.0, 2.0 * (t % 2)) for t in range(6)])
    assert found.directed == -1
    assert found.scale == 2


def test_particles_that_turn_by_a_right_angle():
    found = statistics_of([(0, 0, 0.0, 0.0), (1, 0, 2.0, 0.0), (2, 0, 2.0, 2.0), (3, 0, 0.0, 2.0)])
    assert found.directed == 0


def test_what_is_missed_counts_only_inside_tracks():
    #  t=0 1 2 3 4 5
    #    a a . a . a     2 of 6 frames are missed
    #      b b b         b begins late and ends early: nothing of it is missed
    rows = [(t, 0, 0.0, float(t)) for t in (0, 1, 3, 5)] + [(t, 1, 9.0, float(t)) for t in (1, 2, 3)]
    assert statistics_of(rows).missed == pytest.approx(2 / 9)


def test_only_steps_from_a_frame_to_the_next_tell_the_scale():
    #  t=0 1 2 3 4
    #    0 1 . . 8     one step of 1, and one of 7 in three frames
    assert statistics_of([(0, 0, 0.0, 0.0), (1, 0, 0.0, 1.0), (4, 0, 0.0, 8.0)]).scale == 1


def test_without_two_successive_frames_longer_steps_tell_the_scale():
    #  t=0 1 2 3 4
    #    0 . 4 . 8     4 in two frames, as far as diffusion goes that moves 4 / sqrt(2) in one
    assert statistics_of([(t, 0, 0.0, 2.0 * t) for t in (0, 2, 4)]).scale == pytest.approx(4 / math.sqrt(2))


@pytest.mark.parametrize("every", [2, 3, 8])
def test_a_straight_run_seen_now_and_then_is_as_straight(every):
    assert statistics_of([(t, 0, 0.0, 2.0 * t) for t in range(0, 6 * every, every)]).directed == pytest.approx(1)


def test_one_stray_step_does_not_tell_the_scale():
    #  a  every second frame, 40 times, two pixels a frame; and one step of b from a frame to the next
    rows = [(2 * t, 0, 0.0, 4.0 * t) for t in range(40)] + [(0, 1, 9.0, 0.0), (1, 1, 9.0, 0.1)]
    assert statistics_of(rows).scale == pytest.approx(4 / math.sqrt(2), rel=0.03)


def test_spots_outside_tracks_of_three_are_loose():
    #  a a a    b b     c    and one false detection: 4 of 7
    rows = [(t, 0, 0.0, float(t)) for t in range(3)] + [(t, 1, 5.0, float(t)) for t in range(2)]
    rows += [(0, 2, 9.0, 9.0), (1, -1, 7.0, 7.0)]
    assert statistics_of(rows).loose == pytest.approx(4 / 7)


def test_a_track_that_reaches_the_end_of_the_movie_has_not_ended():
    #  t=0 1 2 3 4 5
    #    a a a             a ended, b may have been missed in the last frames, c is there
    #    b b b b
    #    c c c c c c       3 + 4 + 6 spots
    rows = [(t, 0, 0.0, float(t)) for t in range(3)] + [(t, 1, 9.0, float(t)) for t in range(4)]
    rows += [(t, 2, 20.0, float(t)) for t in range(6)]
    assert statistics_of(rows).ended == pytest.approx(1 / 13)


def test_steps_of_one_length_are_even_and_others_are_not():
    assert statistics_of([(t, 0, 0.0, 5.0 * t) for t in range(4)]).uneven == pytest.approx(0)
    # Steps of 1 and 3: a mean square of 5 and a mean of 2.
    assert statistics_of([(0, 0, 0.0, 0.0), (1, 0, 0.0, 1.0), (2, 0, 0.0, 4.0)]).uneven == pytest.approx(5 / 4 - 1)


@pytest.mark.parametrize("n_false", [0, 1, 5])
def test_without_any_track_there_is_no_scale(n_false):
    found = track_statistics(np.arange(n_false), np.full(n_false, -1), np.zeros((n_false, 2)))
    assert math.isnan(found.scale)
    assert (found.missed, found.ended, found.directed) == (0, 0, 0)
    assert np.isfinite(movie_context(2, 0.1, found)).all()


def test_one_spot():
    found = track_statistics(np.array([4]), np.array([0]), np.array([[1.0, 2.0]]))
    assert found.loose == 1
    assert math.isnan(found.scale)


def test_particles_that_stay_have_scale_zero():
    found = statistics_of([(t, 0, 1.0, 1.0) for t in range(4)])
    assert found.scale == 0
    assert np.isfinite(movie_context(2, 0.1, found)).all()


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100))
def test_statistics_do_not_depend_on_pixel_size_orientation_or_order(seed, pixel):
    rng = np.random.default_rng(seed)
    n = 60
    frame, particle = rng.integers(0, 12, n), rng.integers(-1, 6, n)
    _, first = np.unique(np.stack([frame, particle]), axis=1, return_index=True)
    frame, particle, place = frame[first], particle[first], rng.normal(0, 3, (len(first), 3))
    found = track_statistics(frame, particle, place)
    order = rng.permutation(len(frame))
    turned = Rotation.random(random_state=rng).apply(place[order]) * pixel + [5, 6, 7]
    again = track_statistics(frame[order] + 100, particle[order], turned)
    for name in ("missed", "loose", "ended", "directed", "uneven"):
        np.testing.assert_allclose(getattr(again, name), getattr(found, name), rtol=1e-6, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(again.scale, pixel * found.scale, rtol=1e-9)


def test_density_is_the_mean_number_of_spots_within_a_distance_of_one():
    assert spot_density(100, 100, 2) == pytest.approx(math.pi)
    assert spot_density(50, 100, 3) == pytest.approx(4 / 3 * math.pi / 2)
    assert np.isfinite(spot_density(1, 0, 2))


def test_density_is_what_counting_finds():
    rng = np.random.default_rng(0)
    for n_axes in (2, 3):
        places = rng.uniform(0, 20, (6000, n_axes))
        middles = rng.uniform(1, 19, (300, n_axes))
        counted = (np.linalg.norm(places[None] - middles[:, None], axis=2) < 1).sum(axis=1).mean()
        assert counted == pytest.approx(spot_density(6000, 20**n_axes, n_axes), rel=0.05)


def test_context_says_what_is_known_and_what_is_not():
    unknown = movie_context(2, 0.01, None)
    assert unknown.tolist() == [0, -1, 0, 0, 0, 0, 0, 0]
    found = TrackStatistics(missed=0.1, loose=0.2, ended=0.04, directed=0.5, uneven=0.3, scale=2.0)
    np.testing.assert_allclose(movie_context(3, 1, found), [1, 0, 1, 0.2, 0.2, 0.2, 0.5, 0.6], rtol=1e-6)
    assert unknown.shape == (N_MOVIE,)
    assert unknown.dtype == np.float32
