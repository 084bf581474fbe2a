import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.metrics import score_detections, score_tracks
from tracking.tracks import Tracks

MEASURES = ("precision", "recall", "f1", "jsc", "rmse")


def table(*rows: tuple[float, ...]) -> pd.DataFrame:
    """Points of rows (frame, x) at y = 0, or (frame, x, y[, z])."""
    rows = tuple((*row, 0.0) if len(row) == 2 else row for row in rows)
    return pd.DataFrame(rows, columns=["frame", "x", "y", "z"][: len(rows[0]) if rows else 3])


def test_one_match_one_missed_and_two_spurious():
    #  frame 0: 10 is found at 13, and a detection at 40 is spurious; frame 1: 20 is found only in frame 2
    score = score_detections(table((0, 10), (1, 20)), table((0, 13), (0, 40), (2, 20)))
    assert (score.tp, score.fn, score.fp) == (1, 1, 2)
    assert (score.precision, score.recall) == (1 / 3, 1 / 2)
    assert (score.f1, score.jsc) == (2 / 5, 1 / 4)
    assert score.rmse == 3


def test_as_many_as_can_be_are_matched_and_only_then_the_nearest():
    #  reference  0   4      the nearest pair, 4 and 3, would leave 0 without: 6 is beyond its gate;
    #  candidate    3   8.9  both match with 3 and 4.9, though that is farther in all
    score = score_detections(table((0, 0), (0, 4)), table((0, 3), (0, 8.9)))
    assert score.tp == 2
    assert score.rmse == pytest.approx(math.sqrt((3**2 + 4.9**2) / 2))


def test_of_equally_many_matches_the_nearest_count():
    score = score_detections(table((0, 0), (0, 3)), table((0, 2.9), (0, 0.1)))
    assert score.rmse == pytest.approx(0.1)


def test_a_point_exactly_at_the_gate_does_not_match():
    assert score_detections(table((0, 0, 0)), table((0, 3, 4))).tp == 0
    assert score_detections(table((0, 0, 0)), table((0, 3, 4)), gate=5.001).tp == 1


def test_z_counts_in_slices_and_is_0_where_missing():
    assert score_detections(table((0, 0, 0)), table((0, 0, 0, 4))).rmse == 4
    assert score_detections(table((0, 0, 0, 9)), table((0, 0, 0))).tp == 0


def test_tracks_and_other_columns_will_do():
    tracks = Tracks.create(table((0, 1), (1, 2)).assign(particle=7, virtual=[False, True]))
    assert score_detections(tracks.spots, table((0, 1), (1, 2))).f1 == 1


def test_nothing_found_is_all_zero():
    score = score_detections(table((0, 0)), table())
    assert score.is_defined
    assert [getattr(score, name) for name in MEASURES[:4]] == [0, 0, 0, 0]
    assert math.isnan(score.rmse)
    assert score.to_dict()["rmse"] is None


@pytest.mark.parametrize("candidate", [table(), table((0, 0))])
def test_no_reference_leaves_the_measures_undefined(candidate):
    score = score_detections(table(), candidate)
    assert not score.is_defined
    assert all(math.isnan(getattr(score, name)) for name in MEASURES)
    assert score.fp == len(candidate)
    json.dumps(score.to_dict(), allow_nan=False)


def test_bad_points():
    good = table((0, 0))
    with pytest.raises(TrackingError, match=r"the candidate points need .* but frame, y is missing"):
        score_detections(good, pd.DataFrame({"x": [1.0]}))
    with pytest.raises(TrackingError, match="column x of the reference points must be finite, but row 1 is not"):
        score_detections(table((0, 0), (0, np.nan)), good)
    with pytest.raises(TrackingError, match="column y of the reference points must hold numbers"):
        score_detections(good.assign(y="high"), good)
    with pytest.raises(TrackingError, match=r"column x of the reference points must be within 1e\+09 of 0, but row 1"):
        score_detections(table((0, 0), (0, 1e300)), good)
    with pytest.raises(TrackingError, match=r"the gate must be at most 1e\+09 pixels, got 1e\+300"):
        score_detections(good, good, gate=1e300)
    with pytest.raises(TrackingError, match="the gate must be a positive number of pixels, got 0"):
        score_detections(good, good, gate=0)


spots = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 12), st.integers(0, 2)), max_size=7)


@settings(deadline=None, max_examples=150)
@given(spots, spots)
def test_agrees_with_trying_every_matching(reference, candidate):
    best = (0, 0.0)
    for frame in (0, 1):
        ours, theirs = ([row for row in rows if row[0] == frame] for rows in (reference, candidate))
        few, many = sorted((ours, theirs), key=len)
        options = []
        # Every one of the fewer goes to another of the many; pairs beyond the gate come apart.
        for choice in itertools.permutations(many, len(few)):
            distances = [math.dist(one, other) for one, other in zip(few, choice, strict=True)]
            near = [distance for distance in distances if distance < 5]
            options.append((len(near), -sum(near)))
        count, total = max(options)
        best = (best[0] + count, best[1] + total)
    score = score_detections(table(*reference), table(*candidate))
    assert score.tp == best[0]
    assert (score.fn, score.fp) == (len(reference) - best[0], len(candidate) - best[0])


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000))
def test_total_distance_is_the_least_of_the_largest_matchings(seed):
    rng = np.random.default_rng(seed)
    # The five true points have all five detections within the gate, so that every one-to-one choice is a matching.
    ours, theirs = rng.uniform(0, 3, (2, 5, 2))
    distances = np.hypot(*(ours[:, None] - theirs[None]).transpose(2, 0, 1))
    best = min(itertools.permutations(range(5)), key=lambda order: distances[range(5), order].sum())
    frame = np.zeros((5, 1))
    score = score_detections(table(*np.hstack([frame, ours])), table(*np.hstack([frame, theirs])))
    assert score.tp == 5
    assert score.rmse == pytest.approx(math.sqrt((distances[range(5), best] ** 2).mean()))


@settings(deadline=None)
@given(spots, spots, st.randoms(use_true_random=False))
def test_properties(reference, candidate, random):
    forth, back = (score_detections(table(*a), table(*b)) for a, b in ((reference, candidate), (candidate, reference)))
    assert (forth.tp, forth.fn, forth.fp) == (back.tp, back.fp, back.fn)
    mixed = score_detections(table(*random.sample(reference, len(reference))), table(*candidate))
    assert mixed.tp == forth.tp
    if reference and candidate:
        assert 0 <= forth.jsc <= forth.f1 <= 1
        assert forth.precision == back.recall
    itself = score_detections(table(*reference), table(*reference))
    assert itself.tp == len(reference)
    assert itself.rmse == 0 or not reference


def test_single_frame_tracks_score_like_detections_where_all_is_clear():
    rng = np.random.default_rng(0)
    true = table(*((0, 20.0 * k, 0.0) for k in range(30)))
    found = true.assign(x=true["x"] + rng.uniform(-3, 3, 30)).iloc[5:]
    as_tracks = [Tracks.create(points.assign(particle=range(len(points)))) for points in (true, found)]
    tracks, detections = score_tracks(*as_tracks), score_detections(true, found)
    assert (tracks.tp, tracks.fn, tracks.fp) == (detections.tp, detections.fn, detections.fp)
    assert tracks.rmse == pytest.approx(detections.rmse)
    assert tracks.jsc == detections.jsc
