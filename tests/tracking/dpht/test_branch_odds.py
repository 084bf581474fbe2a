import numpy as np
import pytest
import torch

from tracking.dpht.branch_odds import FAR, N_ELSEWHERE, BranchOdds
from tracking.dpht.follow import follow
from tracking.dpht.futures import futures
from tracking.graph import particles_from_edges
from tracking.linking import LinkingOptions, link

DEPTH, WIDTH = 3, 3


def gather(spots, network, **options):
    """Track a movie, looking for branches, and return what was gathered with the futures and the links."""
    frames = range(int(spots.frame[0]), int(spots.frame[-1]) + 1)
    odds = BranchOdds(spots, network, **({"splitting": True, "merging": True} | options))
    with torch.inference_mode():
        ahead = futures(spots, network, frames, depth=DEPTH, width=WIDTH)
        followed = list(follow(spots, network, ahead, frames, depth=DEPTH, window=DEPTH))
        for frame, before, one in zip(frames[1:], followed, followed[1:], strict=False):
            odds.look(before, one, ahead[frame])
    return odds, ahead, followed, np.concatenate([one.source for one in followed])


@pytest.fixture(scope="module")
def spots(spots_of, crowd):
    frame, position, _ = crowd(n_particles=25, n_frames=12, missed=0.3)
    return spots_of(frame, position)


@pytest.fixture(scope="module", params=["gru", "lstm"])
def network(request, untrained):
    return untrained(request.param)


@pytest.fixture(scope="module")
def gathered(spots, network):
    return gather(spots, network)


def pairs(parts):
    """Candidates as a dictionary from (track, end) to log-odds, each once."""
    found = {}
    for part in parts:
        for track, end, log_odds in zip(part.track, part.end, part.log_odds, strict=True):
            assert (track, end) not in found
            found[int(track), int(end)] = float(log_odds)
    return found


def test_odds_of_splits_are_those_by_which_futures_are_chosen(spots, gathered):
    odds, ahead, followed, _ = gathered
    start_of = dict(enumerate(followed))
    expected = {}
    for frame, after in ahead.items():
        for source, target, log_odds in zip(after.source, after.target, after.log_odds.tolist(), strict=True):
            if spots.frame[target] != frame + 1:
                continue
            one = start_of[frame + 1]
            if one.source[target - one.spots.start] < 0:
                expected[source, target] = log_odds
    found = pairs(odds._splits[0])
    assert len(found) > 20
    assert found == pytest.approx(expected, abs=1e-4)


def test_odds_of_merges_are_those_of_links_to_a_spot_without_a_future(spots, network, gathered):
    odds, _, followed, _ = gathered
    found = pairs(odds._merges[0])
    assert len(found) > 20
    for (track, end), log_odds in list(found.items())[:: len(found) // 20]:
        frame = int(spots.frame[end])
        before = followed[frame]
        assert spots.frame[track] == frame + 1
        assert end not in followed[frame + 1].source
        context = spots.contexts(np.array([track]))
        apart = torch.tensor(spots.position[track] - spots.position[end], dtype=torch.float32)[None]
        with torch.inference_mode():
            expected = network.link_log_odds(
                before.states.select(torch.tensor([end - before.spots.start])),
                torch.tensor([0]),
                network.future.start(context),
                torch.tensor([0]),
                apart,
                torch.tensor([1]),
                context,
            )
        assert log_odds == pytest.approx(float(expected), abs=1e-4)


def test_chance_is_measured_where_the_ends_do_not_belong(spots, gathered):
    odds, _, _, _ = gathered
    for kinds, step in ((odds._splits, -1), (odds._merges, 1)):
        assert len(kinds) == N_ELSEWHERE + 1
        # Nothing that is found in its place is found there too, and the frames are the same.
        found = pairs(kinds[0])
        for elsewhere in kinds[1:]:
            assert not found.keys() & pairs(elsewhere).keys()
        for part in [one for parts in kinds for one in parts]:
            assert (spots.frame[part.track] == spots.frame[part.end] + step).all()
        assert 0.5 < np.mean([len(pairs(elsewhere)) for elsewhere in kinds[1:]]) / len(found) < 2


def test_only_what_is_asked_for(spots, network):
    odds, _, _, source = gather(spots, network, merging=False)
    assert not any(odds._merges)
    assert len(odds.merges(source).links) == 0
    odds, _, _, source = gather(spots, network, splitting=False)
    assert not any(odds._splits)


def test_branches_and_links_make_a_graph(gathered):
    odds, _, _, source = gathered
    later = np.flatnonzero(source >= 0)
    links = np.stack([source[later], later], axis=1)
    every = np.concatenate([links, odds.splits(source).links, odds.merges(source).links])
    particles_from_edges(len(source), np.unique(every, axis=0))


@pytest.mark.parametrize(
    "drawing", ["aaa\n\n\n\n\nbbb", "a\n\n\n\n b", "a a", "aaa"], ids=["short", "two", "hole", "one"]
)
def test_hardly_any_spots(drawing, drawn, spots_of, network):
    frames, position, _ = drawn(drawing)
    odds, _, _, source = gather(spots_of(frames, position), network)
    assert len(odds.splits(source).links) == len(odds.merges(source).links) == 0


def dividing(n_mothers, seed):
    """Particles that go straight on for 8 frames, every second of which then parts into two that go opposite ways.

    ::

                  b b b
        m m m m <
                  c c c
    """
    rng = np.random.default_rng(seed)
    rows = []
    for mother in range(n_mothers):
        place = np.array([40.0 * (mother % 6), 40.0 * (mother // 6)]) + rng.uniform(0, 20, 2)
        angle, turn = rng.uniform(0, 2 * np.pi, 2)
        speed = np.array([np.cos(angle), np.sin(angle)]) * 1.5
        rows += [(t, 3 * mother, *(place + t * speed)) for t in range(8)]
        end, part = place + 7 * speed, np.array([np.cos(turn), np.sin(turn)]) * 1.5
        ways = (part, -part) if mother % 2 else (speed,)
        rows += [(8 + t, 3 * mother + 1 + k, *(end + (t + 1) * way)) for k, way in enumerate(ways) for t in range(8)]
    table = np.array(rows)
    table = table[np.argsort(table[:, 0], kind="stable")]
    table[:, 2:] += rng.normal(0, 0.1, (len(table), 2))
    return table[:, 0].astype(int), table[:, 2:], table[:, 1].astype(int)


@pytest.mark.parametrize("backwards", [False, True], ids=["splits", "merges"])
def test_the_order_of_spots_within_a_frame_does_not_matter(untrained, spots_of, backwards):
    frames, position, _ = dividing(36, 0)
    if backwards:
        frames, position = frames.max() - frames[::-1], position[::-1]
    shuffled = np.lexsort((np.random.default_rng(1).random(len(frames)), frames))
    seen = []
    for order in (np.arange(len(frames)), shuffled):
        spots = spots_of(frames[order], position[order] / 1.5)
        odds, _, _, source = gather(spots, untrained(seed=1, fond=2.0))
        found = odds.merges(source) if backwards else odds.splits(source)
        links = map(tuple, order[found.links].tolist())
        chance = [
            {tuple(order[list(pair)]): value for pair, value in pairs(parts).items()}
            for parts in (odds._merges if backwards else odds._splits)
        ]
        seen.append((dict(zip(links, found.probability, strict=True)), chance))
    (branches, chance), (again, chance_again) = seen
    assert len(branches) >= 5
    assert again == pytest.approx(branches, abs=1e-4)
    for one, other in zip(chance, chance_again, strict=True):
        assert other == pytest.approx(one, abs=1e-3)


def test_daughters_that_part_are_found(shipped, spots_of):
    frames, position, particle = dividing(36, 0)
    odds, _, _, source = gather(spots_of(frames, position / 1.5), shipped)
    found = odds.splits(source)
    claimed = found.links[found.probability >= 0.5]
    mother, daughter = particle[claimed].T
    right = (mother % 3 == 0) & (daughter - mother <= 2) & (daughter > mother) & (mother // 3 % 2 == 1)
    assert right.sum() >= 9  # of 18, whatever the weights
    assert right.mean() > 0.8
    assert (odds.merges(source).probability >= 0.5).sum() <= 2


def test_probable_splits_become_parents_where_they_are_asked_for(shipped):
    frames, position, _ = dividing(36, 0)
    plain, split = (
        link(frames, position, LinkingOptions(method="recurrent", search_radius=3.75, splitting=asked), shipped)
        for asked in (False, True)
    )
    assert not plain.parents
    assert len(split.parents) >= 12
    assert all(len(of) == 1 for of in split.parents.values())
    _, first = np.unique(split.particle, return_index=True)
    daughters = first[list(split.parents)]
    assert (split.link_probability[daughters] > 0).all()
    roots = np.setdiff1d(first, daughters)
    assert np.isnan(split.link_probability[roots]).all()


@pytest.mark.parametrize("size", [(60, 60), (60, 4), (9, 5), (60, 60, 3), (60, 4, 4)])
def test_chance_is_looked_for_inside_the_field(untrained, spots_of, size):
    position = np.random.default_rng(0).uniform(0, size, (400, len(size)))
    spots = spots_of(np.zeros(400, int), position)
    odds = BranchOdds(spots, untrained(), splitting=True, merging=False)
    far = min(FAR, np.ptp(position, axis=0).max() / 2)
    for number in range(1, N_ELSEWHERE + 1):
        aside = odds._aside(np.arange(400), number)
        assert (aside >= spots.position.min(axis=0)).all()
        assert (aside <= spots.position.max(axis=0)).all()
        np.testing.assert_allclose(np.linalg.norm(aside - spots.position, axis=1), far)


def test_particles_that_diffuse_in_a_thin_stack_do_not_split(shipped):
    # Brownian motion through 10 slices; what leaves a face comes back at it.
    rng, frames, position = np.random.default_rng(0), [], []
    place = rng.uniform(0, (10, 64, 64), (25, 3))
    for frame in range(30):
        frames += [frame] * len(place)
        position.append(place)
        place = np.abs(place + rng.normal(0, 1.2, place.shape))
        place[:, 0] = 10 - np.abs(10 - place[:, 0])
    options = LinkingOptions(method="recurrent", search_radius=5, splitting=True, merging=True)
    linked = link(np.array(frames), np.concatenate(position), options, shipped)
    assert len(linked.parents) <= 2
