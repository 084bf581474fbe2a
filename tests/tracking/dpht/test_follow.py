from itertools import pairwise

import numpy as np
import pytest
import torch

from tracking.dpht.follow import follow
from tracking.dpht.futures import futures

DEPTH, WIDTH = 3, 3


def track(spots, network, *, depth=DEPTH, width=WIDTH, window=None):
    frames = range(int(spots.frame.max()) + 1)
    with torch.no_grad():
        ahead = futures(spots, network, frames, depth=depth, width=width)
        return list(follow(spots, network, ahead, frames, depth=depth, window=window or depth))


def sources(followed):
    return np.concatenate([one.source for one in followed])


@pytest.fixture(scope="module", params=["gru", "lstm"])
def network(request, untrained):
    return untrained(request.param, fond=2.0)


@pytest.fixture(scope="module")
def spots(spots_of, crowd):
    frame, position, _ = crowd()
    return spots_of(frame, position)


@pytest.fixture(scope="module")
def followed(spots, network):
    return track(spots, network)


def test_every_frame_comes_once_in_order(followed, spots):
    assert [(one.spots.start, one.spots.stop) for one in followed] == [
        (spots.of_frame(frame).start, spots.of_frame(frame).stop) for frame in range(12)
    ]


def test_there_is_something_to_test(followed):
    assert 0.2 < (sources(followed) >= 0).mean() < 0.99


def test_particles_never_split_nor_merge(followed):
    chosen = sources(followed)
    chosen = chosen[chosen >= 0]
    assert len(np.unique(chosen)) == len(chosen)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_sources_are_within_the_depth(spots, network, depth):
    source = sources(track(spots, network, depth=depth))
    linked = np.flatnonzero(source >= 0)
    step = spots.frame[linked] - spots.frame[source[linked]]
    assert step.min() >= 1
    assert step.max() <= depth
    assert (step.max() > 1) == (depth > 1)


def test_links_have_probabilities(followed):
    for one in followed:
        is_linked = one.source >= 0
        assert (one.log_link[torch.from_numpy(is_linked)] <= 1e-6).all()
        assert torch.isfinite(one.log_link).all()
        assert (one.log_link[torch.from_numpy(~is_linked)] == 0).all()


def test_a_chosen_link_is_one_of_the_possible_ones(followed, spots):
    for one in followed:
        for spot, source, log_link in zip(
            range(one.spots.start, one.spots.stop), one.source, one.log_link, strict=True
        ):
            if source >= 0:
                found = np.flatnonzero((one.row == source) & (one.column == spot))
                assert len(found) == 1
                assert one.log_probability[found[0]] == log_link


def test_possible_links_lie_within_the_window(followed, spots):
    for frame, one in enumerate(followed):
        first, last = spots.frame[one.row], spots.frame[one.column]
        assert (first >= frame - DEPTH).all()
        assert ((last >= frame) & (last < frame + DEPTH)).all()
        assert ((last - first >= 1) & (last - first <= DEPTH)).all()
        pairs = np.stack([one.row, one.column], axis=1)
        assert len(np.unique(pairs, axis=0)) == len(pairs)


def test_a_spot_that_has_its_next_is_left_alone(followed):
    taken = set()
    for one in followed:
        assert not taken.intersection(one.row.tolist())
        taken.update(one.source[one.source >= 0].tolist())


def sums(one):
    """Of every spot of a window: the probabilities of its next and of none, and of the one before and of none."""
    n, probability = len(one.log_end), one.log_probability.exp()
    after = np.bincount(one.row - one.first, probability, n) + one.log_end.exp().numpy()
    before = np.bincount(one.column - one.first, probability, n) + one.log_begin.exp().numpy()
    return after, before


def test_probabilities_of_a_spots_next_and_of_none_add_up_to_one(followed):
    for one in followed:
        np.testing.assert_allclose(sums(one)[0], 1, atol=1e-5)


def test_given_time_those_of_the_one_before_do_too(spots, network, monkeypatch):
    # Belief propagation sees to rows last, and a few rounds leave disputed columns unsettled.
    monkeypatch.setattr("tracking.dpht.marginals.ROUNDS", 300)
    for one in track(spots, network):
        np.testing.assert_allclose(sums(one)[1], 1, atol=1e-4)


def test_tracks_know_how_many_spots_they_have(followed):
    source = sources(followed)
    age = np.zeros(len(source))
    for spot in np.flatnonzero(source >= 0):
        age[spot] = age[source[spot]] + 1
    np.testing.assert_array_equal(torch.cat([one.states.age for one in followed]), age)


def test_states_are_those_of_the_cell_on_the_track(followed, spots, network):
    # One track read by hand: the loop over frames, gaps included, must have done the same.
    source = sources(followed)
    age = torch.cat([one.states.age for one in followed]).numpy()
    last = int(np.argmax(age))
    track = [last]
    while source[track[0]] >= 0:
        track.insert(0, int(source[track[0]]))
    assert len(track) > 3
    states = network.past.start(spots.contexts(np.array(track[:1])))
    for before, now in pairwise(track):
        displacement = torch.from_numpy(spots.position[[now]] - spots.position[[before]]).float()
        step = torch.from_numpy(spots.frame[[now]] - spots.frame[[before]])
        states = network.past.read_spots(states, displacement, step, spots.contexts(np.array([now])))
    frame = int(spots.frame[last])
    k = last - followed[frame].spots.start
    torch.testing.assert_close(states.hidden[0], followed[frame].states.hidden[k], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(states.mean[0], followed[frame].states.mean[k], atol=1e-5, rtol=1e-5)


def test_the_same_again(spots, network, followed):
    again = track(spots, network)
    np.testing.assert_array_equal(sources(again), sources(followed))
    for one, other in zip(again, followed, strict=True):
        assert torch.equal(one.log_link, other.log_link)
        assert torch.equal(one.log_real, other.log_real)


def test_only_some_frames_back_are_remembered(spots, network):
    frames = range(12)
    with torch.no_grad():
        ahead = futures(spots, network, frames, depth=DEPTH, width=WIDTH)
        steps = follow(spots, network, ahead, frames, depth=DEPTH, window=DEPTH)
        for frame, _ in enumerate(steps):
            inside = steps.gi_frame.f_locals
            assert sorted(inside["past"]) == list(range(max(frame - DEPTH + 1, 0), frame + 1))
            # Links that wait for their frame start no farther back, and led nowhere yet.
            assert (spots.frame[inside["waiting"].row] > frame - DEPTH - 1).all()


def test_frames_of_no_spots_end_a_track_after_the_depth(spots_of, untrained):
    #  t=0 1 2 3 4 5 6
    #    a . . a . . . a     two missed frames are bridged, three are not
    network = untrained(fond=100.0)
    found = track(spots_of([0, 3, 7], [[0, 0], [0.1, 0], [0, 0]]), network)
    assert sources(found).tolist() == [-1, 0, -1]
    assert [len(one.source) for one in found] == [1, 0, 0, 1, 0, 0, 0, 1]


def test_the_whole_window_decides_and_not_the_next_frame_alone(spots_of, untrained):
    #  t=0 1 2       with a window of one frame whoever is nearest is taken; what comes later counts with more
    network = untrained(seed=3, fond=1.0)
    rng = np.random.default_rng(0)
    frame = np.sort(rng.integers(0, 8, 120))
    spots = spots_of(frame, rng.uniform(0, 9, (120, 2)))
    narrow, wide = (sources(track(spots, network, window=window)) for window in (1, 3))
    assert (narrow != wide).any()
    for one in (narrow, wide):
        assert len(np.unique(one[one >= 0])) == (one >= 0).sum()


def test_movies_side_by_side_are_tracked_as_alone(spots_of, crowd, network):
    movies = [crowd(seed=seed, n_particles=7) for seed in (3, 4)]
    alone = [sources(track(spots_of(*one[:2]), network)) for one in movies]
    frame = np.concatenate([one[0] for one in movies])
    movie = np.repeat([0, 1], [len(one[0]) for one in movies])
    order = np.lexsort((movie, frame))
    joined = spots_of(frame[order], np.concatenate([one[1] for one in movies])[order], movie[order], [2, 2])
    together = sources(track(joined, network))
    for k in (0, 1):
        own = np.flatnonzero(joined.movie == k)
        # Number of each spot in its own movie; -1 stays -1.
        number = np.full(len(frame) + 1, -1)
        number[own] = np.arange(len(own))
        np.testing.assert_array_equal(number[together[own]], alone[k])


def test_without_any_hypothesis_links_lead_to_the_next_frames_all_the_same(spots, network):
    found = track(spots, network, width=0, window=1)
    for frame, one in enumerate(found):
        assert (spots.frame[one.column] == frame).all()
    assert (sources(found) >= 0).any()
