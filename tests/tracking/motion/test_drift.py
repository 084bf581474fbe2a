import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.motion import estimate_drift, remove_drift
from tracking.tracks import Tracks


def shifted(tracks, by):
    """All spots moved by ``by[frame]`` along x, and half of it backwards along y."""
    frame = tracks.spots["frame"].to_numpy()
    return tracks.with_spots(tracks.spots.assign(x=tracks.spots["x"] + by[frame], y=tracks.spots["y"] - by[frame] / 2))


def test_a_known_drift_is_found_and_taken_off(simulate):
    tracks = simulate(1, n_tracks=200, n_frames=40, gaps=0.1)
    by = np.cumsum(np.random.default_rng(0).uniform(-1, 2, 40))
    drift = estimate_drift(shifted(tracks, by))
    own = estimate_drift(tracks)  # what the particles' own motion adds up to
    np.testing.assert_allclose(drift["x"] - own["x"], by - by[0], atol=1e-6)
    np.testing.assert_allclose(drift["y"] - own["y"], -(by - by[0]) / 2, atol=1e-6)
    left = remove_drift(shifted(tracks, by), drift).spots["x"] - remove_drift(tracks, own).spots["x"]
    np.testing.assert_allclose(left, by[0], atol=1e-6)
    # Steps of sqrt(2 * 0.1 * 0.05) um = 1 px of 180 particles: 0.075 px a step.
    assert drift["x_se"].iloc[1:].mean() == pytest.approx(1 / np.sqrt(162), rel=0.15)
    assert own["x"].abs().max() < 3 * 0.075 * np.sqrt(40)


def test_agrees_with_trackpy_on_the_mean_where_there_is_no_outlier(tracks_of):
    import trackpy

    # Two particles have no outlier, whatever they do.
    tracks = tracks_of([(f, p, f * (1 + p), p - f) for f in range(5) for p in range(2)])
    theirs = trackpy.compute_drift(tracks.spots)
    ours = estimate_drift(tracks).iloc[1:]
    np.testing.assert_allclose(ours[["x", "y"]], theirs[["x", "y"]])


def test_one_wrong_link_does_not_shift_the_rest(tracks_of):
    rows = [(f, p, f + 0.1 * np.sin(p + f), p) for p in range(9) for f in range(4)]
    wrong = [(0, 9, 0, 0), (1, 9, 500, 0)]
    drift = estimate_drift(tracks_of(rows + wrong))
    assert drift["x"].to_numpy() == pytest.approx([0, 1, 2, 3], abs=0.1)


def test_a_step_that_no_particle_makes_is_bridged_by_one_with_a_gap(tracks_of):
    # frame       0  1  2  3  4      a and b both miss what lies between 1 and 3, c was seen in 1 and 3 but not in 2,
    # a           .  .               d alone in 2
    # b                    .  .
    # c              .     .
    # d                 .
    tracks = tracks_of(
        [(0, 0, 0, 0), (1, 0, 1, 0), (3, 1, 0, 0), (4, 1, 2, 0), (1, 2, 0, 0), (3, 2, 6, 0), (2, 3, 9, 9)]
    )
    drift = estimate_drift(tracks)
    assert drift["x"].tolist() == [0, 1, 4, 7, 9]
    assert drift["n_particles"].tolist() == [0, 1, 1, 1, 1]


def test_where_nobody_tells_the_velocity_is_interpolated(tracks_of):
    tracks = tracks_of([(0, 0, 0, 0), (1, 0, 1, 0), (2, 1, 0, 0), (3, 1, 3, 0)])
    drift = estimate_drift(tracks)
    assert drift["x"].tolist() == [0, 1, 3, 6]
    assert drift["n_particles"].tolist() == [0, 1, 0, 1]


def test_frames_that_the_whole_movie_lacks(tracks_of):
    drift = estimate_drift(tracks_of([(0, 0, 0, 0), (10**15, 0, 4, 0)]))
    assert drift["frame"].tolist() == [0, 10**15]
    assert drift["x"].tolist() == [0, 4]


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.integers(0, 3), st.floats(-9, 9), st.floats(-9, 9)),
        min_size=1,
        max_size=25,
        unique_by=lambda row: row[:2],
    )
)
def test_all_spots_are_kept_and_the_drift_is_finite(tracks_of, rows):
    tracks = tracks_of(rows)
    drift = estimate_drift(tracks)
    assert drift["frame"].tolist() == sorted({row[0] for row in rows})
    assert np.isfinite(drift[["x", "y"]]).all(axis=None)
    assert len(remove_drift(tracks, drift).spots) == len(rows)


def test_interpolated_spots_do_not_tell_the_drift_but_are_moved(tracks_of):
    tracks = tracks_of([(0, 0, 0, 0), (1, 0, 9, 0), (2, 0, 4, 0)])
    tracks = tracks.with_spots(tracks.spots.assign(virtual=[False, True, False]))
    drift = estimate_drift(tracks)
    assert drift["x"].tolist() == [0, 2, 4]
    assert remove_drift(tracks, drift).spots["x"].tolist() == [0, 7, 0]


def test_three_dimensions_and_none(simulate):
    drift = estimate_drift(simulate(1, n_tracks=5, n_axes=3))
    assert [name for name in drift if "se" not in name] == ["frame", "x", "y", "z", "n_particles"]
    empty = Tracks.empty()
    assert len(estimate_drift(empty)) == 0
    assert remove_drift(empty, estimate_drift(empty)).n_particles == 0


def test_a_drift_must_cover_the_tracks(tracks_of):
    drift = pd.DataFrame({"frame": [0, 1], "x": [0, 1], "y": [0, 0]})
    with pytest.raises(TrackingError, match="the drift covers frames 0 to 1, but the tracks go from frame 0 to 2"):
        remove_drift(tracks_of([(0, 0, 0, 0), (2, 0, 0, 0)]), drift)
    with pytest.raises(TrackingError, match="a drift needs the columns frame, y, x, but x is missing"):
        remove_drift(tracks_of([(0, 0, 0, 0)]), drift.drop(columns="x"))
