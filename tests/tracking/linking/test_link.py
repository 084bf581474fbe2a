import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tracking.dpht.cell import MAX_STEP
from tracking.errors import TrackingError
from tracking.linking import LinkingOptions, estimate_search_radius, link

BASELINES = ["lap", "nearest", "trackpy", "trackpy-adaptive", "trackpy-velocity"]
METHODS = ["recurrent", *BASELINES]


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


def test_no_spots(method, untrained):
    linked = link(np.empty(0, int), np.empty((0, 2)), LinkingOptions(method=method), untrained)
    assert (linked.particle.shape, linked.particle.dtype) == ((0,), np.int64)
    assert linked.parents == {}
    assert np.isnan(linked.search_radius)


def test_one_frame(method, untrained):
    linked = link(np.array([5, 5, 5]), np.zeros((3, 2)), LinkingOptions(method=method, search_radius=2), untrained)
    assert linked.particle.tolist() == [0, 1, 2]
    assert linked.search_radius == 2
    # Without a next frame no radius can be told, and none is needed.
    linked = link(np.array([5, 5, 5]), np.zeros((3, 2)), LinkingOptions(method=method), untrained)
    assert linked.particle.tolist() == [0, 1, 2]
    assert np.isnan(linked.search_radius)


def test_the_radius_is_told(brownian, method, untrained):
    frames, positions, _ = brownian(20, 10)
    estimate = estimate_search_radius(frames, positions)
    assert link(frames, positions, LinkingOptions(method=method), untrained).search_radius == estimate
    assert link(frames, positions, LinkingOptions(method=method, search_radius=3), untrained).search_radius == 3


@pytest.mark.parametrize("frames", [[0, 2], [3, 3, 5], [10, 10, 30, 50, 50, 50, 70, 80, 90, 92, 94]])
def test_a_nearly_empty_movie_has_particles_of_one_spot(method, frames, untrained):
    linked = link(np.array(frames), np.zeros((len(frames), 2)), LinkingOptions(method=method), untrained)
    assert linked.particle.tolist() == list(range(len(frames)))
    assert np.isnan(linked.search_radius)


@pytest.mark.parametrize("method", BASELINES)
def test_many_spots_that_tell_no_radius_are_refused(method):
    positions = np.random.default_rng(0).uniform(0, 512, (200, 2))
    for step, sentence in ((1, "no nearer to one another than by chance"), (2, "no two successive frames")):
        with pytest.raises(TrackingError, match=sentence):
            link(np.repeat(step * np.arange(20), 10), positions, LinkingOptions(method=method))


@pytest.mark.parametrize("radius", [1e-300, 1e6, 1e300])
@pytest.mark.parametrize("method", BASELINES)
def test_absurd_radii(method, radius):
    frames, positions = np.array([0, 0, 1, 1]), np.array([[1, 1], [5, 5], [1, 1], [5, 5.0]])
    options = LinkingOptions(method=method, search_radius=radius, max_gap=1000)
    assert link(frames, positions, options).particle.tolist() == [0, 1, 0, 1]


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(METHODS),
    st.lists(st.integers(0, 9), max_size=14).map(sorted),
    st.integers(0, 12),
    st.sampled_from([0.5, 2.0, 50.0]),
    st.sampled_from([2, 3]),
    st.data(),
)
def test_a_particle_is_in_one_place_at_a_time(untrained, method, frames, max_gap, radius, n_axes, data):
    max_gap = min(max_gap, MAX_STEP - 1) if method == "recurrent" else max_gap
    frames = np.array(frames, int)
    positions = data.draw(arrays(float, (len(frames), n_axes), elements=st.floats(0, 20)))
    branches = {"merging": data.draw(st.booleans()), "splitting": data.draw(st.booleans())} if method == "lap" else {}
    options = LinkingOptions(method=method, search_radius=radius, max_gap=max_gap, **branches)
    linked = link(frames, positions, options, untrained)
    particle = linked.particle
    assert particle.dtype == np.int64
    assert len(set(zip(frames, particle, strict=True))) == len(frames)
    # Numbers count up in the order of first spots.
    assert list(dict.fromkeys(particle.tolist())) == list(range(len(set(particle.tolist()))))
    for one in set(particle.tolist()):
        own = np.flatnonzero(particle == one)
        assert (np.diff(frames[own]) <= max_gap + 1).all()
        if method not in ("recurrent", "trackpy-velocity"):
            assert (np.linalg.norm(np.diff(positions[own], axis=0), axis=1) <= radius * (1 + 1e-6) + 1e-6).all()
    for child, parents in linked.parents.items():
        begins = frames[particle == child].min()
        assert all(frames[particle == parent].max() < begins for parent in parents)


@pytest.mark.parametrize(
    ("frames", "positions", "message"),
    [
        ([1, 0], np.zeros((2, 2)), "`frames` must be ascending"),
        ([0.0, 1.0], np.zeros((2, 2)), "`frames` must be whole numbers, got float64"),
        ([0, 1], np.array([[0, np.nan], [1, 1]]), "`positions` must be finite, but 1 are not"),
        ([0, 1], np.zeros((3, 2)), r"got \(2,\) and \(3, 2\)"),
        ([0, 1], np.zeros((2, 4)), r"got \(2,\) and \(2, 4\)"),
    ],
)
def test_arrays_that_are_no_spots(frames, positions, message):
    for function in (lambda *spots: link(*spots, LinkingOptions()), estimate_search_radius):
        with pytest.raises(ValueError, match=message):
            function(np.array(frames), positions)
