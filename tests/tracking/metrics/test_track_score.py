import itertools
import json
import math
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.gaps import fill_gaps
from tracking.metrics import TrackScore, score_tracks
from tracking.tracks import Tracks

COPIED = Path(__file__).parent / "ptc_oracle"
PROGRAM_NAMES = {
    "alpha": "alpha",
    "beta": "beta",
    "jsc": "jsc",
    "jsc_theta": "jsc_theta",
    "paired_tracks": "tp_tracks",
    "missed_tracks": "fn_tracks",
    "spurious_tracks": "fp_tracks",
    "paired_detections": "tp",
    "missed_detections": "fn",
    "spurious_detections": "fp",
}
MEASURES = ("alpha", "beta", "jsc", "jsc_theta", "rmse")


def assert_agrees_with_the_program(score: TrackScore, answer: dict) -> None:
    for theirs, ours in PROGRAM_NAMES.items():
        assert getattr(score, ours) == pytest.approx(answer[theirs], abs=1e-6), theirs


@pytest.mark.parametrize("name", ["fragmented", "gate2", "nothing_matches", "shifted", "three_d", "too_long"])
def test_agrees_with_the_challenges_program(name, read_tracks):
    answer = json.loads((COPIED / "expected.json").read_text())[name]
    reference = read_tracks(COPIED / ("three_d_reference.xml" if name == "three_d" else "reference.xml"))
    score = score_tracks(reference, read_tracks(COPIED / f"{name}_candidate.xml"), answer["gate"])
    assert_agrees_with_the_program(score, answer)


def test_agrees_with_the_challenges_program_on_all_its_answers(shared_data, read_tracks):
    folder = shared_data / "ptc_oracle"
    answers = json.loads((folder / "expected.json").read_text())
    assert len(answers) == 12
    for name, answer in answers.items():
        reference, candidate = (read_tracks(folder / f"{name}_{side}.xml") for side in ("reference", "candidate"))
        assert_agrees_with_the_program(score_tracks(reference, candidate, answer["gate"]), answer)


# Drawn cases: a character a frame, which is x; the gate is 5.


def test_identical_tracks_are_perfect(draw):
    tracks = draw("0123", ".9875", "5")
    score = score_tracks(tracks, tracks)
    assert [getattr(score, name) for name in MEASURES] == [1, 1, 1, 1, 0]
    assert (score.tp, score.fn, score.fp) == (9, 0, 0)
    assert (score.tp_tracks, score.fn_tracks, score.fp_tracks) == (3, 0, 0)


def test_a_gap_costs_the_candidate_even_where_the_reference_has_it_too(draw):
    tracks = draw("01.3")
    score = score_tracks(tracks, tracks)
    assert (score.alpha, score.tp, score.fn, score.fp) == (3 / 4, 3, 1, 0)
    assert score_tracks(tracks, fill_gaps(tracks)).alpha == 1


def test_candidate_too_long(draw):
    score = score_tracks(draw("000"), draw("0000"))
    assert score.alpha == score.beta == pytest.approx(1 - 5 / 15)
    assert (score.tp, score.fn, score.fp) == (3, 0, 1)
    assert score.jsc == 3 / 4


def test_candidate_too_short(draw):
    score = score_tracks(draw("0000"), draw("00"))
    assert score.alpha == score.beta == 1 - 10 / 20
    assert (score.tp, score.fn, score.fp) == (2, 2, 0)


def test_broken_candidate_is_paired_once(draw):
    score = score_tracks(draw("00000"), draw("000..", "...00"))
    assert score.alpha == pytest.approx(1 - 10 / 25)
    assert score.beta == pytest.approx((25 - 10) / (25 + 10))
    assert (score.tp, score.fn, score.fp) == (3, 2, 2)
    assert score.jsc == pytest.approx(3 / 7)
    assert score.jsc_theta == 1 / 2


def test_distances_are_closed_in_proportion_to_the_gate(draw):
    score = score_tracks(draw("00"), draw("34"))
    assert score.alpha == pytest.approx(1 - 7 / 10)
    assert score.rmse == pytest.approx(math.sqrt((9 + 16) / 2))


def test_a_point_exactly_at_the_gate_does_not_match(draw):
    score = score_tracks(draw("000"), draw("050"))
    assert (score.tp, score.fn, score.fp) == (2, 1, 1)
    assert score.alpha == pytest.approx(1 - 5 / 15)
    assert score_tracks(draw("000"), draw("050"), gate=5.001).tp == 3


def test_interpolated_point_of_the_candidate_matches_nothing(draw):
    score = score_tracks(draw("012"), draw("0.2"))
    assert score.alpha == pytest.approx(1 - 5 / 15)
    assert (score.tp, score.fn, score.fp) == (2, 1, 0)


def test_interpolated_point_of_the_candidate_is_spurious_where_the_reference_has_ended(draw):
    score = score_tracks(draw("0000"), draw("0000.0"))
    assert score.alpha == 1 - 10 / 20
    assert (score.tp, score.fn, score.fp) == (4, 0, 2)
    # As a track of its own it has only the points it has.
    assert score_tracks(draw("9999"), draw("0000.0")).fp == 5


def test_interpolated_point_of_the_reference_can_be_matched(draw):
    score = score_tracks(draw("0.2"), draw("012"))
    assert (score.alpha, score.tp, score.fn, score.fp) == (1, 3, 0, 0)
    assert (score.n_reference_points, score.n_candidate_points) == (2, 3)
    assert score_tracks(draw("0.2"), draw("002")).rmse == pytest.approx(math.sqrt(1 / 3))


def test_points_marked_virtual_are_scored_as_the_challenges_xml_would_have_them(draw):
    """A bridged point is written to the XML as an ordinary detection; the table with the mark scores the same."""
    reference, with_gap = draw("012"), draw("0.2")
    marked = fill_gaps(with_gap)
    assert marked.spots["virtual"].sum() == 1
    unmarked = Tracks.create(marked.spots.drop(columns="virtual"))
    assert score_tracks(reference, marked) == score_tracks(reference, unmarked)
    assert score_tracks(reference, marked).alpha == 1
    assert score_tracks(reference, with_gap).alpha < 1
    assert score_tracks(marked, reference).alpha == 1


def test_a_pair_no_better_than_the_dummy_is_left_out(draw):
    #  two points match, but two more are too long: D is 2 * 5, and so is the dummy's
    score = score_tracks(draw("00.."), draw("0000"))
    assert (score.tp_tracks, score.fn_tracks, score.fp_tracks) == (0, 1, 1)
    assert (score.tp, score.fn, score.fp) == (0, 2, 4)
    assert score.alpha == 0


def test_the_whole_movie_is_optimal_not_pair_by_pair(draw):
    #  reference  0   4      the nearest pair, 4 and 3, would leave 0 to its dummy: total D is 1 + 5;
    #  candidate    3   6    0 with 3 and 4 with 6 have 3 + 2
    score = score_tracks(draw("0", "4"), draw("3", "6"))
    assert score.tp_tracks == 2
    assert score.alpha == pytest.approx(1 - 5 / 10)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_equally_good_pairings_the_one_that_matches_more_counts(draw, order):
    #  the second matches 4 frames and is 2 too long, which is worth as much as 2 frames matched
    lines = ["........00", "000000...."]
    score = score_tracks(draw("..00000000"), draw(*(lines[k] for k in order)))
    assert score.alpha == pytest.approx(1 - 30 / 40)
    assert (score.tp, score.fp) == (4, 4)
    assert score.beta == pytest.approx((40 - 30) / (40 + 10))


def test_children_are_particles_like_others(draw):
    #  a particle splits in frame 2: it ends there, and two begin
    spots = draw("00", "..11", "..99").spots
    tracks = Tracks.create(spots, {1: (0,), 2: (0,)})
    score = score_tracks(tracks, Tracks.create(spots))
    assert (score.n_reference, score.tp_tracks, score.alpha) == (3, 3, 1)


def test_z_counts_in_slices_and_is_0_where_missing(draw):
    flat = draw("000")
    lifted = flat.with_spots(flat.spots.assign(z=3.0))
    assert score_tracks(flat, lifted).rmse == score_tracks(lifted, flat).rmse == 3
    assert score_tracks(lifted, lifted).alpha == 1
    assert score_tracks(flat, flat.with_spots(flat.spots.assign(z=0.0))).alpha == 1
    assert score_tracks(flat, flat.with_spots(flat.spots.assign(z=6.0))).tp == 0


def test_constant_shift():
    reference = fill_gaps(random_tracks(seed=3, n=30))
    shifted = reference.with_spots(reference.spots.assign(x=reference.spots["x"] + 1, y=reference.spots["y"] + 1))
    score = score_tracks(reference, shifted)
    assert score.alpha == score.beta == pytest.approx(1 - math.sqrt(2) / 5)
    assert score.rmse == pytest.approx(math.sqrt(2))


def test_no_candidate_misses_everything(draw):
    for nothing in (Tracks.empty(), Tracks.empty(is_3d=True)):
        score = score_tracks(draw("00", "5.5"), nothing)
        assert score.is_defined
        assert [getattr(score, name) for name in MEASURES] == [0, 0, 0, 0, 0]
        assert (score.tp, score.fn, score.fp, score.fn_tracks) == (0, 5, 0, 2)


@pytest.mark.parametrize("candidate", [("00", "5.5"), ()])
def test_no_reference_leaves_the_measures_undefined(draw, candidate):
    score = score_tracks(Tracks.empty(), draw(*candidate))
    assert not score.is_defined
    assert all(math.isnan(getattr(score, name)) for name in MEASURES)
    assert (score.tp, score.fn, score.fp) == (0, 0, score.n_candidate_points)
    assert (score.fn_tracks, score.fp_tracks) == (0, score.n_candidate)
    assert all(score.to_dict()[name] is None for name in MEASURES)
    json.dumps(score.to_dict(), allow_nan=False)


def test_tracks_of_other_frames_are_missed(draw):
    score = score_tracks(draw("000"), draw("...000"))
    assert score.is_defined
    assert (score.alpha, score.fn, score.fp) == (0, 3, 3)


def test_score_as_a_dictionary(draw):
    score = score_tracks(draw("01"), draw("01"))
    assert score.to_dict()["alpha"] == 1
    assert {"tp", "fn", "fp", "tp_tracks", "n_reference", "gate", *MEASURES} <= score.to_dict().keys()
    assert all(type(value) in (int, float) for value in score.to_dict().values())
    with pytest.raises(FrozenInstanceError):
        score.alpha = 0.5


@pytest.mark.parametrize("gate", [0, -1, float("nan"), float("inf")])
@pytest.mark.parametrize("lines", [("00",), ()])
def test_gate_out_of_range(draw, gate, lines):
    with pytest.raises(TrackingError, match="the gate must be a positive number of pixels, got"):
        score_tracks(draw(*lines), draw(*lines), gate)


# Properties. Whole coordinates make ties, points in one place and distances of exactly the gate.

points = st.dictionaries(st.integers(0, 6), st.tuples(st.integers(0, 7), st.integers(0, 1)), min_size=1, max_size=7)
small_tracks = st.lists(points, max_size=4).map(lambda particles: tracks_of(particles))


def tracks_of(particles: list[dict[int, tuple[float, ...]]]) -> Tracks:
    rows = [(t, k, *where) for k, particle in enumerate(particles) for t, where in particle.items()]
    return Tracks.create(pd.DataFrame(rows, columns=["frame", "particle", "x", "y"]))


def random_tracks(seed: int, n: int) -> Tracks:
    """Overlapping walks of 1 to 20 frames within 30 by 30 pixels, a fifth of their points missing."""
    rng = np.random.default_rng(seed)
    particles = []
    for _ in range(n):
        start, length = rng.integers(0, 20), rng.integers(1, 21)
        walk = rng.uniform(0, 30, 2) + rng.normal(0, 1.5, (length, 2)).cumsum(axis=0)
        keep = np.flatnonzero(rng.random(length) > 0.2)
        particles.append({int(start + k): tuple(walk[k]) for k in (keep if len(keep) else [0])})
    return tracks_of(particles)


def as_dictionaries(tracks: Tracks) -> list[dict[int, np.ndarray]]:
    spots = tracks.spots
    return [
        {int(t): np.array([x, y]) for t, x, y in one[["frame", "x", "y"]].itertuples(index=False)}
        for _, one in spots.groupby("particle")
    ]


def brute_force(reference: Tracks, candidate: Tracks, gate: float) -> list[tuple[float, ...]]:
    """The measures of every best pairing, from the definitions' words and by trying all pairings."""
    references, candidates = as_dictionaries(reference), as_dictionaries(candidate)

    def filled(track):
        frames = range(min(track), max(track) + 1)
        place = [np.interp(list(frames), sorted(track), [track[t][axis] for t in sorted(track)]) for axis in (0, 1)]
        return dict(zip(frames, np.transpose(place), strict=True))

    def compare(r, c):
        whole_r, whole_c = filled(r), filled(c)
        distances = {}
        for t in whole_r.keys() & whole_c.keys():
            distances[t] = float(np.hypot(*(whole_r[t] - whole_c[t]))) if t in c else math.inf
        matched = [d for d in distances.values() if d < gate]
        total = gate * (abs(min(c) - min(r)) + abs(max(c) - max(r)))
        total += sum(d if d < gate else gate for d in distances.values())
        spurious = sum(t in c and d >= gate for t, d in distances.items()) + len(whole_c.keys() - whole_r.keys())
        return total, matched, spurious

    pairs = {
        (i, j): compare(r, c) for (i, r), (j, c) in itertools.product(enumerate(references), enumerate(candidates))
    }
    span = [len(filled(r)) for r in references]
    span_c = [len(filled(c)) for c in candidates]
    found = []
    for choice in itertools.product([None, *range(len(candidates))], repeat=len(references)):
        taken = [j for j in choice if j is not None]
        chosen = [(i, j) for i, j in enumerate(choice) if j is not None]
        if len(set(taken)) < len(taken) or any(
            not pairs[pair][1] or pairs[pair][0] >= gate * span[pair[0]] - 1e-9 for pair in chosen
        ):
            continue
        total = sum(pairs[i, j][0] if j is not None else gate * span[i] for i, j in enumerate(choice))
        distances = [d for pair in chosen for d in pairs[pair][1]]
        loose = [j for j in range(len(candidates)) if j not in taken]
        tp, n = len(distances), gate * sum(span)
        fn = sum(span) - tp
        fp = sum(pairs[pair][2] for pair in chosen) + sum(len(candidates[j]) for j in loose)
        values = (
            1 - total / n,
            (n - total) / (n + gate * sum(span_c[j] for j in loose)),
            tp / (tp + fn + fp),
            len(chosen) / (len(references) + len(loose)),
            math.sqrt(sum(d**2 for d in distances) / tp) if tp else 0,
        )
        found.append((total, -tp - sum(span_c[j] for j in taken), values))
    least = min(total for total, _, _ in found)
    best = [one for one in found if one[0] < least + 1e-7]
    most = min(one[1] for one in best)
    return [values for _, rank, values in best if rank == most]


@settings(deadline=None, max_examples=120)
@given(small_tracks.filter(lambda tracks: tracks.n_particles > 0), small_tracks, st.sampled_from([1.0, 2.5, 5.0]))
def test_agrees_with_trying_every_pairing(reference, candidate, gate):
    score = score_tracks(reference, candidate, gate)
    ours = [getattr(score, name) for name in MEASURES]
    answers = brute_force(reference, candidate, gate)
    assert any(np.allclose(ours, answer, rtol=0, atol=1e-8) for answer in answers), (ours, answers)


@pytest.mark.parametrize("seed", range(15))
def test_agrees_with_trying_every_pairing_of_random_walks(seed):
    reference, candidate = random_tracks(seed, 5), random_tracks(1000 + seed, 4)
    # Gates as wide as this put nearly all tracks into one component.
    for gate in (5.0, 15.0):
        score = score_tracks(reference, candidate, gate)
        (answer,) = brute_force(reference, candidate, gate)
        np.testing.assert_allclose([getattr(score, name) for name in MEASURES], answer, rtol=0, atol=1e-8)


@settings(deadline=None, max_examples=60)
@given(small_tracks.filter(lambda tracks: tracks.n_particles > 0), small_tracks)
def test_measures_keep_to_their_range_and_counts_add_up(reference, candidate):
    score = score_tracks(reference, candidate)
    assert 0 <= score.beta <= score.alpha <= 1
    assert 0 <= score.jsc <= 1
    assert 0 <= score.jsc_theta <= 1
    assert 0 <= score.rmse < 5
    assert score.tp_tracks + score.fn_tracks == score.n_reference
    assert score.tp_tracks + score.fp_tracks == score.n_candidate
    assert score.tp + score.fn == len(fill_gaps(reference).spots)
    assert score.n_candidate_points <= score.tp + score.fp <= len(fill_gaps(candidate).spots)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_numbers_and_order_of_particles_do_not_matter(seed, random):
    reference, candidate = random_tracks(seed, 12), random_tracks(seed + 1, 12)

    def renumbered(tracks):
        number = random.sample(range(1000), tracks.n_particles)
        codes = pd.factorize(tracks.spots["particle"])[0]
        rows = random.sample(range(len(tracks.spots)), len(tracks.spots))
        return Tracks.create(tracks.spots.assign(particle=[number[code] for code in codes]).iloc[rows])

    forth, back = score_tracks(reference, candidate), score_tracks(renumbered(reference), renumbered(candidate))
    assert forth.to_dict() == pytest.approx(back.to_dict())


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.floats(-50, 50), st.integers(0, 100))
def test_moving_both_in_space_and_time_changes_nothing(seed, shift, later):
    reference, candidate = random_tracks(seed, 12), random_tracks(seed + 1, 12)

    def moved(tracks):
        spots = tracks.spots
        return tracks.with_spots(spots.assign(x=spots["x"] + shift, y=spots["y"] - shift, frame=spots["frame"] + later))

    forth, back = score_tracks(reference, candidate), score_tracks(moved(reference), moved(candidate))
    assert forth.to_dict() == pytest.approx(back.to_dict())


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.1, 10))
def test_scaling_space_and_gate_scales_the_rmse_alone(seed, scale):
    reference, candidate = random_tracks(seed, 12), random_tracks(seed + 1, 12)

    def scaled(tracks):
        return tracks.with_spots(tracks.spots.assign(x=tracks.spots["x"] * scale, y=tracks.spots["y"] * scale))

    forth, back = score_tracks(reference, candidate), score_tracks(scaled(reference), scaled(candidate), 5 * scale)
    expected = forth.to_dict() | {"rmse": forth.rmse * scale if forth.tp else None, "gate": 5 * scale}
    assert back.to_dict() == pytest.approx(expected)


@settings(deadline=None, max_examples=60)
@given(points, points)
def test_the_distance_of_two_tracks_without_gaps_is_symmetric(one, other):
    one, other = (fill_gaps(tracks_of([track])) for track in (one, other))
    forth, back = score_tracks(one, other), score_tracks(other, one)
    # A pair can be worth it for the longer of the two as reference, and not for the shorter.
    if forth.tp_tracks and back.tp_tracks:
        distance = [(1 - score.alpha) * 5 * (score.tp + score.fn) for score in (forth, back)]
        assert distance[0] == pytest.approx(distance[1])


@settings(deadline=None, max_examples=60)
@given(small_tracks.filter(lambda tracks: tracks.n_particles > 0))
def test_tracks_without_gaps_score_perfectly_against_themselves(tracks):
    filled = fill_gaps(tracks)
    score = score_tracks(filled, filled)
    assert [getattr(score, name) for name in MEASURES] == [1, 1, 1, 1, 0]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_a_spurious_track_leaves_alpha_and_lowers_beta(seed):
    reference, candidate = random_tracks(seed, 8), random_tracks(seed + 1, 8)
    far = random_tracks(seed + 2, 1).spots
    far = far.assign(particle=99, x=far["x"] + 500)
    more = Tracks.create(pd.concat([candidate.spots, far]))
    before, after = score_tracks(reference, candidate), score_tracks(reference, more)
    assert after.alpha == pytest.approx(before.alpha)
    assert after.beta < before.beta or before.beta == 0
    assert after.fp == before.fp + len(far)
