import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.dpht.context import N_CONTEXT
from tracking.dpht.spots import FLAT, NEAR_BORDER, FrameIndex

SEEDS = st.integers(0, 2**32 - 1)


def random_spots(spots_of, rng, n_axes, *, n=40, n_frames=3):
    """Spots of one movie for every entry of ``n_axes``, on top of one another."""
    frame, movie = np.sort(rng.integers(0, n_frames, n)), rng.integers(0, len(n_axes), n)
    position = rng.uniform(0, 6, (n, 3))
    position[np.array(n_axes)[movie] == 2, 2] = 0
    return spots_of(frame, position, movie, n_axes)


def near_by_trying(spots, frame, places, movie, radius, most):
    """The ``most`` nearest spots of a frame within the radius, of each place, as a set of pairs."""
    pairs = set()
    for place, (position, own, reach) in enumerate(zip(places, movie, radius, strict=True)):
        distance = np.linalg.norm(spots.position - position, axis=1)
        found = np.flatnonzero((spots.frame == frame) & (spots.movie == own) & (distance <= reach))
        pairs |= {(place, int(one)) for one in found[np.argsort(distance[found])][:most]}
    return pairs


@pytest.mark.parametrize("n_axes", [(2,), (3,), (2, 2), (2, 3, 3)])
@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, most=st.integers(1, 50))
def test_nearest_spots_are_those_found_by_trying(spots_of, n_axes, seed, most):
    rng = np.random.default_rng(seed)
    spots = random_spots(spots_of, rng, n_axes)
    movie = rng.integers(0, len(n_axes), 12)
    places = rng.uniform(0, 6, (12, 3))
    places[np.array(n_axes)[movie] == 2, 2] = 0
    radius = rng.uniform(0, 4, 12)
    for frame in range(4):
        place, spot = FrameIndex(spots, frame).near(places, movie, radius, most)
        found = list(zip(place.tolist(), spot.tolist(), strict=True))
        # Where fewer than all are kept, those of another movie do not take a place: they are beyond any radius.
        assert set(found) == near_by_trying(spots, frame, places, movie, radius, most)
        assert len(set(found)) == len(found)
        assert (np.diff(place) >= 0).all()


def test_movies_side_by_side_never_pair(spots_of):
    # The same spots twice, as two movies: every place finds the spots of its own.
    spots = spots_of([0, 0, 0, 0], [[1, 1], [2, 2], [1, 1], [2, 2]], [0, 0, 1, 1], [2, 2])
    place, spot = FrameIndex(spots, 0).near(spots.position, spots.movie, np.full(4, 50.0), 8)
    assert (spots.movie[place] == spots.movie[spot]).all()
    assert len(place) == 8


def test_a_spot_at_the_limit_is_found_and_one_beyond_is_not(spots_of):
    spots = spots_of([0, 0], [[3, 0], [0, 3.001]])
    place, spot = FrameIndex(spots, 0).near(np.zeros((1, 3)), np.zeros(1, int), np.array([3.0]), 8)
    assert (place.tolist(), spot.tolist()) == ([0], [0])


def test_every_place_has_its_own_radius(spots_of):
    spots = spots_of([0], [[1, 0]])
    places, radius = np.zeros((3, 3)), np.array([0.5, 2.0, 0.9])
    assert FrameIndex(spots, 0).near(places, np.zeros(3, int), radius, 8)[0].tolist() == [1]


def test_frames_without_spots_and_no_places(spots_of):
    spots = spots_of([0, 2], [[0, 0], [1, 1]])
    nobody = np.zeros((0, 3)), np.zeros(0, int), np.zeros(0), 8
    somebody = np.zeros((1, 3)), np.zeros(1, int), np.ones(1), 8
    assert [len(one) for one in FrameIndex(spots, 1).near(*somebody)] == [0, 0]
    assert [len(one) for one in FrameIndex(spots, 0).near(*nobody)] == [0, 0]
    assert FrameIndex(spots, 7).n == 0


def test_frames_are_slices(spots_of):
    #  frame   0 0 . 2 3 3 3
    #  spot    0 1   2 3 4 5
    spots = spots_of([0, 0, 2, 3, 3, 3], np.zeros((6, 2)))
    found = {frame: (spots.of_frame(frame).start, spots.of_frame(frame).stop) for frame in range(-1, 5)}
    assert found == {-1: (0, 0), 0: (0, 2), 1: (2, 2), 2: (2, 3), 3: (3, 6), 4: (6, 6)}


def nearness_by_trying(spots):
    """Of every spot, by going through its movie's faces one by one."""
    nearness = []
    for place, movie in zip(spots.position, spots.movie, strict=True):
        own = spots.position[spots.movie == movie]
        axes = [axis for axis in range(3) if np.ptp(own[:, axis]) > FLAT]
        faces = [abs(place[axis] - face) for axis in axes for face in (own[:, axis].min(), own[:, axis].max())]
        nearness.append(math.exp(-min(faces, default=math.inf) / NEAR_BORDER))
    return nearness


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS)
def test_the_border_is_the_nearest_face_of_the_box_round_the_movie(spots_of, seed):
    spots = random_spots(spots_of, np.random.default_rng(seed), (2, 3, 2))
    np.testing.assert_allclose(spots.border, nearness_by_trying(spots), rtol=1e-5)


def test_a_spot_in_the_middle_feels_no_border_and_one_in_a_corner_all_of_it(spots_of):
    spots = spots_of([0, 0, 0], [[0, 0], [50, 50], [100, 100]])
    assert spots.border[[0, 2]].tolist() == [1, 1]
    assert spots.border[1] < 1e-12
    assert spots.contexts(slice(0, 3))[:, -1].tolist() == spots.border.tolist()


@pytest.mark.parametrize("depth", [0.0, 0.9 * FLAT])
def test_a_single_plane_has_no_border_along_the_third_axis(spots_of, depth):
    rng = np.random.default_rng(0)
    position = np.column_stack([rng.uniform(0, 20, (50, 2)), rng.uniform(0, depth, 50)])
    flat = spots_of(np.zeros(50), position[:, :2])
    np.testing.assert_array_equal(spots_of(np.zeros(50), position).border, flat.border)
    assert (spots_of([0, 1], [[3, 3], [3, 3]]).border == 0).all()


def test_each_spot_has_the_context_of_its_movie(spots_of):
    spots = spots_of([0, 0, 1], np.zeros((3, 2)), [1, 0, 1], [2, 3])
    assert spots.contexts(np.array([0, 1, 2]))[:, 0].tolist() == [1, 0, 1]
    assert spots.contexts(slice(0, 0)).shape == (0, N_CONTEXT)
    assert spots.has_depth
    assert not spots_of([0], [[0, 0]]).has_depth
