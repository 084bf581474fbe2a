import numpy as np
import pytest

from tracking.dpht import ahead
from tracking.dpht import link_recurrent as link_recurrent_module
from tracking.dpht.cell import MAX_STEP
from tracking.dpht.context import N_MOVIE
from tracking.dpht.link_recurrent import link_recurrent
from tracking.dpht.recurrent_links import RecurrentLinks
from tracking.graph import particles_from_edges


@pytest.fixture(scope="module")
def network(untrained):
    return untrained(fond=2.0)


@pytest.fixture(scope="module")
def movie(crowd):
    frames, positions, _ = crowd(n_particles=10, n_frames=12, missed=0.2)
    return frames, positions


@pytest.fixture(scope="module")
def linked(movie, network):
    return link_recurrent(*movie, network, scale=1.2, depth=4)


def assert_same(found: RecurrentLinks, expected: RecurrentLinks, *, pixel=1.0, atol=1e-3):
    np.testing.assert_array_equal(found.source, expected.source)
    np.testing.assert_array_equal(found.gap_spot, expected.gap_spot)
    for name in ("link_probability", "existence", "real", "context"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=atol, err_msg=name)
    np.testing.assert_allclose(found.scale, pixel * expected.scale, rtol=1e-4)
    # The axes may have been exchanged: what the covariances are along their own axes stays.
    spread, wanted = (np.linalg.eigvalsh(one.gap_covariance) for one in (found, expected))
    np.testing.assert_allclose(spread, pixel**2 * wanted, atol=atol * pixel**2)


# What must hold of any network's links


def test_there_is_something_to_test(linked):
    assert 0.3 < (linked.source >= 0).mean() < 0.95
    assert len(linked.gap_spot) > 5


def test_particles_neither_split_nor_merge_and_go_forward(linked, movie):
    frames, _ = movie
    particle, parents = particles_from_edges(len(frames), linked.links)
    assert not parents
    step = frames[linked.links[:, 1]] - frames[linked.links[:, 0]]
    assert ((step >= 1) & (step <= 4)).all()
    pairs = np.stack([particle, frames], axis=1)
    assert len(np.unique(pairs, axis=0)) == len(pairs)


def test_probabilities_are_probabilities(linked):
    is_linked = linked.source >= 0
    assert np.isnan(linked.link_probability[~is_linked]).all()
    probability = linked.link_probability[is_linked]
    assert ((probability > 0) & (probability <= 1 + 1e-6)).all()
    assert ((linked.real >= 0) & (linked.real <= 1)).all()


def test_whether_a_particle_is_seen_again_is_asked_in_all_but_the_last_frame(linked, movie):
    frames, _ = movie
    is_last = frames == frames[-1]
    assert np.isnan(linked.existence[is_last]).all()
    assert ((linked.existence[~is_last] >= 0) & (linked.existence[~is_last] <= 1)).all()


def test_shapes_and_types(linked, movie):
    n, g = len(movie[0]), len(linked.gap_spot)
    assert linked.source.shape == linked.link_probability.shape == linked.existence.shape == linked.real.shape == (n,)
    assert linked.gap_position.shape == (g, 2)
    assert linked.gap_covariance.shape == (g, 2, 2)
    assert linked.context.shape == (N_MOVIE,)
    assert linked.source.dtype.kind == linked.gap_frame.dtype.kind == linked.gap_spot.dtype.kind == "i"


def gaps_by_hand(frames, source):
    return sorted(
        (spot, frame)
        for spot, before in enumerate(source)
        if before >= 0
        for frame in range(frames[before] + 1, frames[spot])
    )


def test_every_missed_frame_inside_a_track_has_its_place(linked, movie):
    found = sorted(zip(linked.gap_spot.tolist(), linked.gap_frame.tolist(), strict=True))
    assert found == gaps_by_hand(movie[0], linked.source)


def test_gaps_stand_at_the_movies_own_frame_numbers(shipped):
    # A movie that begins late and has a hole, as one of several parts would.
    frames = np.array([100, 101, 103, 104, 5000, 5001, 5003])
    positions = np.stack([np.tile([0.0, 1, 3, 4], 2)[:7], np.zeros(7)], axis=1)
    found = link_recurrent(frames, positions, shipped, scale=1.0, depth=3)
    assert sorted(zip(found.gap_spot.tolist(), found.gap_frame.tolist(), strict=True)) == gaps_by_hand(
        frames, found.source
    )
    assert set(found.gap_frame.tolist()) <= {102, 5002}
    assert len(found.gap_frame)


def test_covariances_are_covariances(linked):
    values = np.linalg.eigvalsh(linked.gap_covariance)
    assert (values > 0).all()
    np.testing.assert_allclose(linked.gap_covariance, np.swapaxes(linked.gap_covariance, 1, 2), atol=1e-6)


def test_the_same_again(linked, movie, network):
    again = link_recurrent(*movie, network, scale=1.2, depth=4)
    for name in RecurrentLinks.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(again, name), getattr(linked, name), err_msg=name)


@pytest.mark.parametrize("depth", range(1, MAX_STEP + 1))
def test_the_depth_bounds_the_gaps(movie, network, depth):
    frames, positions = movie
    found = link_recurrent(frames, positions, network, scale=1.2, depth=depth)
    assert np.diff(frames[found.links]).max() <= depth
    assert found.depth == depth


@pytest.mark.parametrize("width", [0, 1, 6])
def test_any_width_links_one_to_one(movie, network, width):
    frames, positions = movie
    found = link_recurrent(frames, positions, network, scale=1.2, depth=3, width=width)
    assert len(np.unique(found.links[:, 0])) == len(found.links) > 0


def test_the_more_is_missed_the_farther_ahead_links_may_lead(shipped, crowd):
    depths = [
        link_recurrent(*crowd(30, 16, side=200.0, missed=missed)[:2], shipped, scale=1.0).depth for missed in (0.0, 0.4)
    ]
    assert depths[0] == link_recurrent_module.LEAST_DEPTH
    assert depths[0] < depths[1] <= MAX_STEP


@pytest.mark.parametrize("every", [2, 3, 4, 5, 6])
def test_particles_seen_in_every_nth_frame_are_linked(shipped, crowd, every):
    # No two successive frames hold a spot, so that no step from a frame to the next tells the scale.
    frames, positions, particle = crowd(30, 12, side=110.0, missed=0.0)
    links = link_recurrent(every * frames, positions, shipped, scale=3.0).links
    assert len(links) > 0.9 * 30 * 11
    assert (particle[links[:, 0]] == particle[links[:, 1]]).mean() > 0.95


@pytest.mark.parametrize("n_frames", [2, 3, 4])
def test_short_movies_are_linked(shipped, crowd, n_frames):
    # No track can be long in them, which does not make their spots noise.
    frames, positions, particle = crowd(40, n_frames, side=150.0, missed=0.0)
    links = link_recurrent(frames, positions, shipped, scale=3.0).links
    assert len(links) > 0.9 * 40 * (n_frames - 1)
    assert (particle[links[:, 0]] == particle[links[:, 1]]).mean() > 0.95


def test_pairs_of_frames_with_long_breaks_between_them_are_linked(shipped, crowd):
    pairs = [crowd(40, 2, side=150.0, missed=0.0, seed=seed) for seed in range(6)]
    frames = np.concatenate([20 * number + pair[0] for number, pair in enumerate(pairs)])
    links = link_recurrent(frames, np.concatenate([pair[1] for pair in pairs]), shipped, scale=3.0).links
    assert len(links) > 0.9 * 40 * 6
    assert (np.diff(frames[links], axis=1) == 1).all()


def test_the_scale_of_a_crowd_is_that_of_all_its_links(shipped):
    # Those that are sure are the short ones: by them alone the scale came out a fifth too small, and a tenth of the
    # links was lost.
    rng = np.random.default_rng(0)
    place = rng.uniform(0, 300, (220, 2)) + rng.normal(0, 6 / 2**0.5, (20, 220, 2)).cumsum(axis=0)
    place %= 300
    found = link_recurrent(np.repeat(np.arange(20), 220), place.reshape(-1, 2), shipped, scale=6.0)
    assert found.scale == pytest.approx(6.0, rel=0.1)
    is_right = found.source[220:] == np.arange(19 * 220)
    assert is_right.mean() > 0.8


def test_particles_are_expected_to_end_at_the_border_and_nowhere_else(shipped):
    #  straight runs through a field of 120 x 120, each of which leaves it in the end; none ends inside
    rng = np.random.default_rng(0)
    velocity = 3 * np.array([np.cos(angle := rng.uniform(0, 2 * np.pi, 60)), np.sin(angle)]).T
    place = rng.uniform(0, 120, (60, 2)) + np.arange(20)[:, None, None] * velocity
    frames, particle = np.nonzero(((place >= 0) & (place <= 120)).all(axis=2))
    ends = np.array(
        [not (particle[frames == frame + 1] == one).any() for frame, one in zip(frames, particle, strict=True)]
    )
    found = link_recurrent(frames, place[frames, particle], shipped, scale=6.0)
    inside = frames < 17
    assert (ends & inside).sum() > 15
    assert found.existence[~ends & inside].mean() > 0.9
    assert found.existence[ends & inside].mean() < 0.5


def test_another_rule_of_choice_is_used(movie, network):
    found = link_recurrent(
        *movie, network, scale=1.2, depth=3, decide=lambda rows, columns, gains: np.empty(0, np.int64)
    )
    assert (found.source == -1).all()


# Blocks and first looks


def test_blocks_give_the_links_of_the_whole_movie(crowd, network, monkeypatch):
    # Each block looks so far beyond its end that nothing is lost there.
    frames, positions, _ = crowd(n_particles=4, n_frames=20)
    whole = link_recurrent(frames, positions, network, scale=1.0, depth=3)
    monkeypatch.setattr(ahead, "BLOCK_SPOTS", 1)
    monkeypatch.setattr(ahead, "BEYOND", 20)
    monkeypatch.setattr(link_recurrent_module, "Ahead", EightFrames)
    assert_same(link_recurrent(frames, positions, network, scale=1.0, depth=3), whole, atol=1e-5)


class EightFrames(ahead.Ahead):
    """Futures in blocks of eight frames."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.block = 8


def test_a_wrong_first_guess_of_the_scale_is_put_right(shipped, crowd):
    frames, positions, _ = crowd(50, 12, side=110.0, missed=0.02)
    found = [link_recurrent(frames, positions, shipped, scale=scale).scale for scale in (0.6, 1.0, 2.0, 3.0)]
    np.testing.assert_allclose(found, 1.0, rtol=0.12)


def test_what_is_looked_at_first_is_a_part_in_the_middle():
    frames = np.repeat(np.arange(1000), 100)
    part = link_recurrent_module._pilot(frames)
    assert link_recurrent_module.PILOT_SPOTS <= part.stop - part.start <= 1.5 * link_recurrent_module.PILOT_SPOTS
    assert abs((part.start + part.stop) / 2 - 50_000) < 200
    short = np.arange(5)
    assert link_recurrent_module._pilot(short) == slice(0, 5)


def test_the_first_look_is_at_the_middle_of_the_field(monkeypatch):
    positions = np.random.default_rng(0).uniform(0, [100, 50], (4000, 2))
    monkeypatch.setattr(link_recurrent_module, "PILOT_SPOTS", 1000)
    some = link_recurrent_module._innermost(positions)
    assert (np.diff(some) > 0).all()
    assert len(some) == 1000
    # A quarter of the spots: half of each side, in the middle.
    np.testing.assert_allclose(positions[some].min(axis=0), [25, 12.5], rtol=0.1)
    np.testing.assert_allclose(positions[some].max(axis=0), [75, 37.5], rtol=0.1)
    assert len(link_recurrent_module._innermost(positions[:10])) == 10


# What may not matter


@pytest.mark.parametrize("n_axes", [2, 3])
def test_pixel_size_place_time_and_camera_do_not_matter(crowd, network, n_axes):
    frames, positions, _ = crowd(
        n_particles=9, n_frames=10, n_axes=n_axes, side=12.0 if n_axes == 2 else 5.0, missed={2: 0.35, 3: 0.2}[n_axes]
    )
    plain = link_recurrent(frames, positions, network, scale=1.1, depth=3)
    assert len(plain.links) > 10
    assert len(plain.gap_spot) > 2
    # Axes in reverse, mirrored and turned by right angles: all keep the box in which the spots lie.
    for other in (positions[:, ::-1], positions * ([-1] + [1] * (n_axes - 1)), positions[:, ::-1] * -1):
        assert_same(link_recurrent(frames, other, network, scale=1.1, depth=3), plain)
    assert_same(link_recurrent(frames, positions + 1000.0, network, scale=1.1, depth=3), plain)
    later = link_recurrent(frames + 12345, positions, network, scale=1.1, depth=3)
    assert_same(later, plain)
    np.testing.assert_array_equal(later.gap_frame, plain.gap_frame + 12345)
    larger = link_recurrent(frames, positions * 7.3, network, scale=1.1 * 7.3, depth=3)
    assert_same(larger, plain, pixel=7.3)
    np.testing.assert_allclose(larger.gap_position, 7.3 * plain.gap_position, atol=1e-2)


def test_the_order_of_spots_within_a_frame_does_not_matter(movie, network, linked):
    frames, positions = movie
    order = np.lexsort((np.random.default_rng(0).random(len(frames)), frames))
    shuffled = link_recurrent(frames[order], positions[order], network, scale=1.2, depth=4)
    source = np.full(len(frames), -1)
    is_linked = shuffled.source >= 0
    source[order[is_linked]] = order[shuffled.source[is_linked]]
    np.testing.assert_array_equal(source, linked.source)


def test_single_precision_and_other_whole_numbers(movie, network, linked):
    frames, positions = movie
    for dtype in (np.int32, np.uint16, np.int64):
        assert_same(link_recurrent(frames.astype(dtype), positions, network, scale=1.2, depth=4), linked)
    single = link_recurrent(frames, positions.astype(np.float32), network, scale=1.2, depth=4)
    assert_same(single, linked)
    whole = np.round(positions * 100).astype(np.int64)
    assert (link_recurrent(frames, whole, network, scale=120.0, depth=4).source >= 0).any()


def test_the_input_is_left_as_it_was(movie, network):
    frames, positions = movie[0].copy(), movie[1].copy()
    link_recurrent(frames, positions, network, scale=1.2)
    np.testing.assert_array_equal(frames, movie[0])
    np.testing.assert_array_equal(positions, movie[1])


# Little, and strange


@pytest.mark.parametrize("n_axes", [2, 3])
def test_no_spots(network, n_axes):
    found = link_recurrent(np.empty(0, np.int64), np.empty((0, n_axes)), network, scale=1.5)
    assert found.links.shape == (0, 2)
    assert found.gap_position.shape == (0, n_axes)
    assert found.gap_covariance.shape == (0, n_axes, n_axes)
    assert found.scale == 1.5
    for name in ("source", "link_probability", "existence", "real", "gap_frame", "gap_spot"):
        assert getattr(found, name).shape == (0,), name


@pytest.mark.parametrize("frames", [[0], [7], [3, 3, 3], [0, 1], [0, 50], [-5, -4], [0, 0, 1], [0, 1, 1]])
def test_hardly_any_spots(network, frames):
    frames = np.array(frames)
    positions = np.random.default_rng(0).uniform(0, 3, (len(frames), 2))
    found = link_recurrent(frames, positions, network, scale=1.0)
    assert found.source.shape == frames.shape
    assert (found.source[frames == frames[0]] == -1).all()
    assert np.isfinite(found.real).all()


def test_a_gap_of_a_million_frames_costs_nothing_and_is_not_bridged(movie, network):
    frames, positions = movie
    parts = np.concatenate([frames, frames + 10**6, frames + 10**12])
    found = link_recurrent(parts, np.tile(positions, (3, 1)), network, scale=1.2, depth=3)
    part = np.repeat([0, 1, 2], len(frames))
    assert (part[found.links[:, 0]] == part[found.links[:, 1]]).all()
    assert np.unique(part[found.links]).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "place",
    [
        lambda rng, n: np.zeros((n, 2)),
        lambda rng, n: np.full((n, 3), 7.25),
        lambda rng, n: rng.uniform(-0.5, 0.5, (n, 2)),
        lambda rng, n: rng.integers(0, 2, (n, 2)).astype(float),
        lambda rng, n: 1e9 + rng.uniform(0, 20, (n, 2)),
        lambda rng, n: rng.uniform(-1e9, 1e9, (n, 3)),
        lambda rng, n: np.concatenate([np.full((n, 1), 4.0), rng.uniform(0, 20, (n, 2))], axis=1),
        lambda rng, n: np.concatenate([np.full((n, 2), 4.0), rng.uniform(0, 20, (n, 1))], axis=1),
        lambda rng, n: 1e-9 * rng.uniform(0, 20, (n, 2)),
    ],
    ids=["one place", "one place in 3D", "one pixel", "corners", "far away", "huge field", "flat", "line", "tiny"],
)
def test_strange_movies_are_linked_without_a_fault(network, place):
    rng = np.random.default_rng(0)
    frames = np.sort(rng.integers(0, 9, 60))
    found = link_recurrent(frames, place(rng, 60), network, scale=1.0)
    assert len(np.unique(found.links[:, 0])) == len(found.links)
    assert np.isfinite(found.link_probability[found.source >= 0]).all()
    assert np.isfinite(found.real).all()
    assert np.isfinite(found.gap_position).all()
    assert found.scale > 0


def test_particles_that_do_not_move_stay_themselves(shipped):
    rng = np.random.default_rng(0)
    places = rng.uniform(0, 200, (25, 2))
    for jitter in (0.0, 0.05):
        positions = np.tile(places, (12, 1)) + jitter * rng.standard_normal((300, 2))
        found = link_recurrent(np.repeat(np.arange(12), 25), positions, shipped, scale=0.4)
        assert (found.source[25:] == np.arange(275)).mean() > 0.98
        assert found.scale > 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"scale": 0.0}, "`scale` must be positive"),
        ({"scale": -1.0}, "`scale` must be positive"),
        ({"scale": float("nan")}, "`scale` must be positive"),
        ({"scale": float("inf")}, "`scale` must be positive"),
        ({"depth": 0}, "`depth` must be a whole number from 1 to"),
        ({"depth": MAX_STEP + 1}, "`depth` must be a whole number from 1 to"),
        ({"width": -1}, "`width` must be a whole number, 0 or more"),
        ({"frames": np.array([2, 1, 3])}, "ascending"),
        ({"frames": np.array([2, 1, 3], np.uint8)}, "ascending"),
        ({"frames": np.array([0.0, 0.5, 1.0])}, "whole numbers"),
        ({"frames": np.array([0, 1])}, "shape"),
        ({"positions": np.zeros((3, 1))}, "shape"),
        ({"positions": np.zeros((3, 4))}, "shape"),
        ({"positions": np.zeros(3)}, "shape"),
        ({"positions": np.array([[0.0, 0], [np.nan, 0], [0, 0]])}, "finite"),
        ({"positions": np.array([[0.0, 0], [np.inf, 0], [0, 0]])}, "finite"),
    ],
)
def test_what_makes_no_sense_is_refused(network, change, sentence):
    options = {"frames": np.arange(3), "positions": np.zeros((3, 2)), "scale": 1.0, "depth": 3, "width": 3, **change}
    frames, positions = options.pop("frames"), options.pop("positions")
    with pytest.raises(ValueError, match=sentence):
        link_recurrent(frames, positions, network, **options)


def test_a_spot_far_off_does_not_make_the_movie_look_empty(crowd):
    frames, positions, _ = crowd(50, 12, side=40.0)
    far = np.append(frames, frames[-1]), np.concatenate([positions, [[1e4, 1e4]]])
    plain, other = (link_recurrent_module._spots(*one, 1.0, None).context[0] for one in ((frames, positions), far))
    np.testing.assert_allclose(other, plain, atol=0.02)
