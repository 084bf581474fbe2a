import numpy as np
import pytest
import torch

from tracking.dpht.futures import LEAST_LOG_PROBABILITY, futures

DEPTH, WIDTH = 3, 3


@pytest.fixture(scope="module", params=["gru", "lstm"])
def network(request, untrained):
    return untrained(request.param)


@pytest.fixture(scope="module")
def spots(spots_of, crowd):
    frame, position, _ = crowd()
    return spots_of(frame, position)


@pytest.fixture(scope="module")
def found(spots, network):
    with torch.no_grad():
        return futures(spots, network, range(12), depth=DEPTH, width=WIDTH)


def assert_same(one, other):
    for name in ("spot", "first", "source", "target"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for name in ("log_weight", "log_odds", "log_probability", "log_none"):
        torch.testing.assert_close(getattr(one, name), getattr(other, name), msg=name)
    torch.testing.assert_close(one.states.hidden, other.states.hidden)


def test_every_frame_has_futures(found, spots):
    assert sorted(found) == list(range(12))
    for frame, one in found.items():
        here = spots.of_frame(frame)
        assert np.unique(one.spot).tolist() == list(range(here.start, here.stop))
        assert len(one.log_weight) == len(one.spot) == len(one.states.age)


def test_that_nothing_follows_is_the_first_hypothesis_of_each_spot_if_it_counts(spots, network, monkeypatch):
    monkeypatch.setattr("tracking.dpht.futures.LEAST_SHARE", 1e-9)
    with torch.no_grad():
        found = futures(spots, network, range(12), depth=DEPTH, width=WIDTH)
    for frame, one in found.items():
        here = spots.of_frame(frame)
        assert (np.diff(one.spot) >= 0).all()
        nothing = one.first[:-1]
        assert one.spot[nothing].tolist() == list(range(here.start, here.stop))
        assert (one.states.age[torch.from_numpy(nothing)] == 0).all()
        others = np.setdiff1d(np.arange(len(one.spot)), nothing)
        assert (one.states.age[torch.from_numpy(others)] > 0).all()
        torch.testing.assert_close(one.log_weight[torch.from_numpy(nothing)], one.log_none)


def test_hypotheses_that_hardly_count_leave_their_weight_to_the_others(spots, network, monkeypatch):
    # Of the movie's last frames but one, as the futures of earlier ones hang on those of later ones.
    frames, found = range(10, 12), {}
    for share in (1e-9, 0.8):
        monkeypatch.setattr("tracking.dpht.futures.LEAST_SHARE", share)
        with torch.no_grad():
            found[share] = futures(spots, network, frames, depth=DEPTH, width=WIDTH)[10]
    every, heavy = found[1e-9], found[0.8]
    assert len(every.spot) - len(heavy.spot) > 0
    owner = every.spot - every.spot[0]
    total = np.bincount(owner, every.log_weight.exp())
    np.testing.assert_allclose(np.bincount(heavy.spot - heavy.spot[0], heavy.log_weight.exp()), total, rtol=1e-5)
    counts = every.log_weight.exp().numpy() > 0.8 / (WIDTH + 1) * total[owner]
    assert heavy.spot.tolist() == every.spot[counts].tolist()
    torch.testing.assert_close(heavy.states.hidden, every.states.hidden[torch.from_numpy(counts)])


def test_no_spot_has_more_hypotheses_than_the_width_allows(spots, network, monkeypatch):
    monkeypatch.setattr("tracking.dpht.futures.LEAST_SHARE", 1e-9)
    for width in (1, 2, 5):
        counts = [
            np.bincount(one.spot).max() for one in futures(spots, network, range(12), depth=2, width=width).values()
        ]
        assert max(counts) == width + 1


def test_links_lead_ahead_by_no_more_than_the_depth(found, spots):
    for frame, one in found.items():
        assert (spots.frame[one.source] == frame).all()
        step = spots.frame[one.target] - frame
        assert ((step >= 1) & (step <= DEPTH)).all()
    assert {int(step) for one in found.values() for step in spots.frame[one.target] - spots.frame[one.source]} == {
        1,
        2,
        3,
    }


def test_no_link_stands_twice(found):
    for one in found.values():
        pairs = list(zip(one.source.tolist(), one.target.tolist(), strict=True))
        assert len(set(pairs)) == len(pairs)


def test_what_follows_a_spot_and_that_nothing_does_have_probability_one(found, spots):
    for frame, one in found.items():
        here = spots.of_frame(frame)
        links = np.bincount(one.source - here.start, one.log_probability.exp(), here.stop - here.start)
        np.testing.assert_allclose(links + one.log_none.exp().numpy(), 1, atol=1e-5)


def test_hypotheses_are_part_of_what_may_follow(found, spots):
    for frame, one in found.items():
        here = spots.of_frame(frame)
        total = np.bincount(one.spot - here.start, one.log_weight.exp())
        assert (total <= 1 + 1e-5).all()
        # Those that are negligible are given up, if nothing does not follow.
        is_first = np.isin(np.arange(len(one.spot)), one.first[:-1])
        assert (one.log_weight.numpy()[~is_first] > LEAST_LOG_PROBABILITY).all()


def test_hypotheses_of_some_spots(found, spots):
    one, here = found[4], spots.of_frame(4)
    wanted = np.array([here.start + 3, here.start, here.start + 3])
    which, row = one.of(wanted, here.start)
    expected = [(k, int(h)) for k, spot in enumerate(wanted) for h in np.flatnonzero(one.spot == spot)]
    assert list(zip(which.tolist(), row.tolist(), strict=True)) == expected
    assert [len(empty) for empty in one.of(np.empty(0, np.int64), here.start)] == [0, 0]


def test_the_last_frame_has_no_future(found):
    last = found[11]
    assert len(last.source) == 0
    assert (last.log_weight == 0).all()


def test_only_later_frames_are_looked_at(found, spots, network):
    with torch.no_grad():
        late = futures(spots, network, range(5, 12), depth=DEPTH, width=WIDTH)
    for frame in range(5, 12):
        assert_same(late[frame], found[frame])


def test_each_spot_is_in_one_future_of_its_frame_at_most_on_the_whole(found, spots):
    # Rows have one link each by construction; columns too where belief propagation has settled.
    for one in found.values():
        if len(one.target):
            assert np.bincount(one.target, one.log_probability.exp()).max() < 1.1


def test_a_later_frame_that_has_a_spot_leaves_less_of_it_to_earlier_ones(spots_of, untrained):
    #  t=0 1 2
    #    a . a       a may go on to the spot at t=2
    #    a b a       unless b does, who comes later
    network = untrained(seed=2)
    with torch.no_grad():
        network.judge_future.last.bias.add_(2.0)
        alone = futures(spots_of([0, 2], [[0, 0], [0, 0]]), network, range(3), depth=2, width=3)
        contested = futures(spots_of([0, 1, 2], [[0, 0], [0, 0], [0, 0]]), network, range(3), depth=2, width=3)
    skips = contested[0].log_probability[torch.from_numpy(contested[0].target == 2)]
    assert skips.item() < alone[0].log_probability.item()


def test_with_a_width_of_zero_the_future_stays_unknown(spots, network):
    with torch.no_grad():
        found = futures(spots, network, range(12), depth=DEPTH, width=0)
        unknown = network.future.unknown(spots.contexts(slice(None)))
    for frame, one in found.items():
        here = spots.of_frame(frame)
        assert one.spot.tolist() == list(range(here.start, here.stop))
        assert len(one.source) == 0
        torch.testing.assert_close(one.states.hidden, unknown.hidden[here])


def test_hypotheses_that_nobody_believes_are_given_up(spots, untrained):
    network = untrained()
    with torch.no_grad():
        network.judge_future.last.bias.sub_(1000)
        found = futures(spots, network, range(12), depth=DEPTH, width=WIDTH)
    for one in found.values():
        assert np.bincount(one.spot)[one.spot].max(initial=1) == 1
        np.testing.assert_allclose(one.log_none, 0, atol=1e-6)


@pytest.mark.parametrize("n_axes", [2, 3])
def test_futures_turn_with_the_movie(spots_of, crowd, network, n_axes):
    frame, position, _ = crowd(n_axes=n_axes, side=8)
    turned = position[:, ::-1] * np.array([-1, 1, 1][:n_axes])
    with torch.no_grad():
        plain, other = (
            futures(spots_of(frame, one), network, range(12), depth=DEPTH, width=WIDTH) for one in (position, turned)
        )
    for one in plain:
        for name in ("log_probability", "log_none", "log_weight"):
            np.testing.assert_allclose(getattr(plain[one], name), getattr(other[one], name), atol=1e-4)


def test_frames_without_spots(spots_of, network):
    #  t=0 1 2 3 4 5 6
    #    a . a . . . a     the last is out of reach
    spots = spots_of([0, 2, 6], [[0, 0], [0.1, 0], [0, 0]])
    found = futures(spots, network, range(7), depth=3, width=3)
    assert [len(found[frame].source) for frame in range(7)] == [1, 0, 0, 0, 0, 0, 0]
    assert [len(found[frame].spot) > 0 for frame in range(7)] == [True, False, True, False, False, False, True]


def test_movies_side_by_side_have_the_futures_they_have_alone(spots_of, crowd, network):
    first, second = (crowd(seed=seed, n_particles=6) for seed in (1, 2))
    alone = [futures(spots_of(*one[:2]), network, range(12), depth=DEPTH, width=WIDTH) for one in (first, second)]
    frame = np.concatenate([first[0], second[0]])
    movie = np.repeat([0, 1], [len(first[0]), len(second[0])])
    order = np.lexsort((movie, frame))
    joined = spots_of(frame[order], np.concatenate([first[1], second[1]])[order], movie[order], [2, 2])
    together = futures(joined, network, range(12), depth=DEPTH, width=WIDTH)
    for one in range(12):
        expected = torch.cat([movie[one].log_none for movie in alone])
        torch.testing.assert_close(together[one].log_none, expected, atol=1e-5, rtol=0)
