import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.dpht.branches import Candidates, likely_merges, likely_splits
from tracking.graph import particles_from_edges


@pytest.fixture
def toy(drawn):
    """Tracks of a drawing, a letter each, linked as drawn; and what makes candidates of ``("a2", "b3", log-odds)``."""

    def make(text):
        frames, _, letters = drawn(text)
        name = [f"{letter}{frame}" for letter, frame in zip(letters, frames, strict=True)]
        source, last = np.full(len(frames), -1), {}
        for spot, letter in enumerate(letters):
            source[spot] = last.get(letter, -1)
            last[letter] = spot

        def candidates(*pairs):
            track, end, log_odds = zip(*pairs, strict=True) if pairs else ((), (), ())
            return Candidates(
                np.array([name.index(one) for one in track], int),
                np.array([name.index(one) for one in end], int),
                np.array(log_odds, float),
            )

        def named(branches):
            return [(name[i], name[j]) for i, j in branches.links]

        return frames, source, candidates, named

    return make


# So often looked for and never found that a single candidate means something.
NO_CHANCE = [Candidates.join([])] * 40
SPLIT = """
           bbbb
        aaa
           aaaa
"""
MERGE = """
        bbbb
            aaa
        aaaa
"""


def test_a_track_that_begins_beside_another_splits_off_from_it(toy):
    frames, source, candidates, named = toy(SPLIT)
    found = likely_splits(frames, source, candidates(("a2", "b3", 4.0)), NO_CHANCE)
    assert named(found) == [("a2", "b3")]
    assert 0.5 < found.probability[0] < 1
    # Mother and two daughters.
    links = np.array([(source[spot], spot) for spot in range(len(frames)) if source[spot] >= 0])
    particle, parents = particles_from_edges(len(frames), np.concatenate([links, found.links]))
    assert sorted(np.bincount(particle)) == [3, 4, 4]
    assert parents == {1: (0,), 2: (0,)}


def test_a_track_that_ends_beside_another_merges_into_it(toy):
    frames, source, candidates, named = toy(MERGE)
    found = likely_merges(frames, source, candidates(("a4", "b3", 4.0)), NO_CHANCE)
    assert named(found) == [("b3", "a4")]
    links = np.array([(source[spot], spot) for spot in range(len(frames)) if source[spot] >= 0])
    _, parents = particles_from_edges(len(frames), np.concatenate([links, found.links]))
    assert {child: sorted(of) for child, of in parents.items()} == {2: [0, 1]}


@pytest.mark.parametrize(
    ("drawing", "pair"),
    [
        # The mother must be seen before and after, and the daughter twice.
        ("   b   \naaa\n   aaa", ("a2", "b3")),
        ("   bbbb\naaa\n    aaa", ("a2", "b3")),
        (" bbbb\na\n aaaa", ("a0", "b1")),
        ("   bbbb\naaa", ("a2", "b3")),
        ("bbbb\n aaa\naaa", ("a0", "b0")),
    ],
    ids=["seen once", "missed", "mother begins", "mother ends", "first frame"],
)
def test_what_is_no_split(toy, drawing, pair):
    frames, source, candidates, _ = toy(drawing)
    assert not len(likely_splits(frames, source, candidates((*pair, 9.0)), NO_CHANCE).links)


def test_two_that_pass_as_one_look_like_a_merge_and_a_split(toy):
    # Two particles that meet and part again, detected as one in between: nothing in their spots tells otherwise.
    frames, source, candidates, named = toy(
        """
        bbb   ccc
           aaa
        aaa   aaa
        """
    )
    assert named(likely_merges(frames, source, candidates(("a3", "b2", 4.0)), NO_CHANCE)) == [("b2", "a3")]
    assert named(likely_splits(frames, source, candidates(("a5", "c6", 4.0)), NO_CHANCE)) == [("a5", "c6")]


def test_the_likeliest_mother_and_one_daughter_for_each(toy):
    frames, source, candidates, named = toy(
        """
           bbbb
        aaa
           aaaa
           cccc
        dddddd
        """
    )
    pairs = candidates(("a2", "b3", 4.0), ("a2", "c3", 3.0), ("d2", "b3", 1.0), ("d2", "c3", 2.0))
    assert named(likely_splits(frames, source, pairs, NO_CHANCE)) == [("a2", "b3")]
    pairs = candidates(("a2", "b3", 4.0), ("a2", "c3", 3.0), ("d2", "b3", 1.0), ("d2", "c3", 3.5))
    assert named(likely_splits(frames, source, pairs, NO_CHANCE)) == [("a2", "b3"), ("d2", "c3")]


def test_what_chance_makes_as_often_is_no_split(toy):
    frames, source, candidates, _ = toy(SPLIT)
    pair = candidates(("a2", "b3", 4.0))
    assert not len(likely_splits(frames, source, pair, [pair] * 4).links)
    # Without anything to compare with nothing can be said.
    assert not len(likely_splits(frames, source, pair, []).links)


def test_no_spots():
    none = np.empty(0, np.int64)
    for find in (likely_splits, likely_merges):
        found = find(none, none, Candidates.join([]), NO_CHANCE)
        assert found.links.shape == (0, 2)
        assert len(found.probability) == 0


# Many tracks: mothers over frames 0 to 3, and tracks that begin in frame 2, of which some have a mother beside them.


def population(n, n_splits, share_by_chance, seed):
    """Splits of which the odds tell all that can be told: those of chance have log-odds N(0, 1), true ones N(1, 1)."""
    rng = np.random.default_rng(seed)
    frames = np.repeat(np.arange(4), [n, n, 2 * n, 2 * n])
    mothers = np.arange(n)  # in frame 0; spots n.. in frame 1; 2n.. in frame 2, of these 3n.. begin; 4n.. in frame 3
    source = np.full(6 * n, -1)
    source[n : 2 * n], source[2 * n : 3 * n] = mothers, n + mothers
    source[4 * n :] = np.arange(2 * n, 4 * n)
    start = 3 * n + np.arange(n)
    is_split = np.arange(n) < n_splits
    has_chance = rng.random((5, n)) < share_by_chance
    log_odds = rng.normal(0, 1, (5, n))
    log_odds[0, is_split] += 1
    chosen = [is_split | has_chance[0], *has_chance[1:]]
    made = [Candidates(n + mothers[one], start[one], odds[one]) for one, odds in zip(chosen, log_odds, strict=True)]
    return frames, source, made[0], made[1:], lambda links: links[:, 1] < 3 * n + n_splits


def test_probabilities_are_how_often_they_are_right():
    said, was = [], []
    for seed in range(20):
        frames, source, found, by_chance, is_true = population(600, 300, 0.5, seed)
        branches = likely_splits(frames, source, found, by_chance)
        said.append(branches.probability)
        was.append(is_true(branches.links))
    probability, right = np.concatenate(said), np.concatenate(was)
    # The sum is the number of splits, and every tenth as often right as it says; the least of them are more often.
    assert probability.sum() == pytest.approx(20 * 300, rel=0.05)
    for low in np.arange(0.4, 0.9, 0.1):
        within = (probability >= low) & (probability < low + 0.1)
        assert within.sum() > 100
        assert right[within].mean() == pytest.approx(probability[within].mean(), abs=0.06)


def test_without_splits_hardly_any_is_claimed():
    claims = [len(likely_splits(*population(300, 0, 0.3, seed)[:4]).links) for seed in range(100)]
    # Chance looks like splits by two standard errors in one movie of forty.
    assert np.count_nonzero(claims) <= 7


def test_tracks_that_begin_with_the_movie_tell_nothing():
    frames, source, found, by_chance, _ = population(40, 30, 0.5, 1)
    expected = likely_splits(frames, source, found, by_chance)
    # A thousand more tracks that are there from the first frame to the last.
    n, more = len(frames), 1000
    frames = np.concatenate([frames, np.repeat(np.arange(4), more)])
    source = np.concatenate([source, np.full(more, -1), np.arange(n, n + 3 * more)])
    order = np.argsort(frames, kind="stable")
    place = np.argsort(order)
    moved = [Candidates(place[one.track], place[one.end], one.log_odds) for one in (found, *by_chance)]
    source = np.where(source >= 0, place[source], -1)[order]
    branches = likely_splits(frames[order], source, moved[0], moved[1:])
    np.testing.assert_array_equal(branches.links, place[expected.links])
    np.testing.assert_allclose(branches.probability, expected.probability)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.floats(0, 1))
def test_whatever_is_found_may_stand_in_a_graph(seed, n, share):
    rng = np.random.default_rng(seed)
    frames, source, found, by_chance, _ = population(n, int(rng.integers(0, n + 1)), share, seed)
    for find in (likely_splits, likely_merges):
        branches = find(frames, source, found, by_chance)
        assert ((branches.probability >= 0) & (branches.probability <= 1)).all()
        assert (frames[branches.links[:, 1]] == frames[branches.links[:, 0]] + 1).all()
        links = np.array([(source[spot], spot) for spot in range(len(frames)) if source[spot] >= 0])
        particles_from_edges(len(frames), np.concatenate([links, branches.links]))


def test_merges_are_splits_of_the_movie_run_backwards():
    frames, source, found, by_chance, _ = population(200, 60, 0.2, 0)
    last = len(frames) - 1
    following = np.full(len(frames), -1)
    following[source[source >= 0]] = np.flatnonzero(source >= 0)

    def back(one):
        return Candidates(last - one.track, last - one.end, one.log_odds)

    splits = likely_splits(frames, source, found, by_chance)
    merges = likely_merges(
        3 - frames[::-1],
        np.where(following >= 0, last - following, -1)[::-1],
        back(found),
        [back(one) for one in by_chance],
    )
    assert len(splits.links) > 30
    np.testing.assert_array_equal(merges.links, last - splits.links[:, ::-1])
    np.testing.assert_allclose(merges.probability, splits.probability)
