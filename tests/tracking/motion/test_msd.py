import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.motion import ensemble_msd, time_averaged_msd
from tracking.tracks import Tracks


def brute_force(tracks, max_lag):
    """MSD and pairs by trying all pairs of spots."""
    found = {}
    for particle, spots in tracks.spots.groupby("particle"):
        rows = spots[["frame", *tracks.axes]].to_numpy()
        for i in range(len(rows)):
            for j in range(i + 1, len(rows)):
                lag = int(rows[j, 0] - rows[i, 0])
                if lag <= max_lag:
                    found.setdefault((particle, lag), []).append(np.sum((rows[j, 1:] - rows[i, 1:]) ** 2))
    return {key: (np.mean(values), len(values)) for key, values in found.items()}


def test_a_particle_with_a_gap_by_hand(tracks_of):
    # frame  0  1  2  3  4
    # x      0  1  -  4  4     lag 1: 1, 0    lag 2: 3 * 3 (1 to 3)    lag 3: 4 * 4, 3 * 3    lag 4: 4 * 4
    tracks = tracks_of([(0, 7, 0, 0), (1, 7, 1, 0), (3, 7, 4, 0), (4, 7, 4, 0)])
    table = time_averaged_msd(tracks, max_lag=4)
    assert table["particle"].tolist() == [7] * 4
    assert table["lag"].tolist() == [1, 2, 3, 4]
    assert table["msd_um2"].tolist() == [0.5, 9, 12.5, 16]
    assert table["n_pairs"].tolist() == [2, 1, 2, 1]
    # The two pairs of lag 3, frames 0 to 3 and 1 to 4, share two steps.
    assert table["n_independent"].tolist() == [2, 1, 1, 1]


def test_units():
    tracks = Tracks.create(pd.DataFrame({"frame": [0, 1], "particle": 0, "x": [0, 3], "y": [0, 4], "z": [0, 2]}))
    row = time_averaged_msd(tracks, 0.1, 0.25, z_step=0.5).iloc[0]
    assert row["lag_s"] == 0.25
    assert row["msd_um2"] == pytest.approx(0.3**2 + 0.4**2 + 1.0**2)
    given = Tracks.create(tracks.spots, pixel_size=0.1, frame_interval=0.25, z_step=0.5)
    assert time_averaged_msd(given).iloc[0]["msd_um2"] == row["msd_um2"]


def test_interpolated_spots_do_not_count(tracks_of):
    tracks = tracks_of([(0, 0, 0, 0), (1, 0, 1, 0), (2, 0, 2, 0)])
    filled = tracks.with_spots(tracks.spots.assign(virtual=[False, True, False]))
    assert time_averaged_msd(filled, max_lag=2)["lag"].tolist() == [2]


def test_independent_pairs_of_a_track_without_gaps_fit_in_one_after_another(tracks_of):
    tracks = tracks_of([(frame, 0, frame, 0) for frame in range(11)])
    table = time_averaged_msd(tracks, max_lag=10)
    assert table["n_independent"].tolist() == [10 // lag for lag in range(1, 11)]


tables = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 3), st.integers(-20, 20), st.integers(-20, 20)),
    min_size=1,
    max_size=30,
    unique_by=lambda row: row[:2],
)


@settings(deadline=None)
@given(tables, st.integers(1, 13))
def test_agrees_with_all_pairs(tracks_of, rows, max_lag):
    tracks = tracks_of(rows)
    table = time_averaged_msd(tracks, max_lag=max_lag)
    found = {(row.particle, row.lag): (row.msd_um2, row.n_pairs) for row in table.itertuples()}
    assert found == brute_force(tracks, max_lag)
    assert (table["n_independent"] >= 1).all()
    assert (table["n_independent"] <= table["n_pairs"]).all()


@settings(deadline=None, max_examples=30)
@given(tables, st.floats(0, 6.3), st.floats(-100, 100), st.sampled_from([0.1, 0.5, 3.0]))
def test_turning_and_moving_changes_nothing_and_pixels_scale_by_their_square(tracks_of, rows, angle, shift, pixel_size):
    tracks = tracks_of(rows)
    x, y = tracks.spots["x"], tracks.spots["y"]
    turned = tracks.with_spots(
        tracks.spots.assign(
            x=np.cos(angle) * x - np.sin(angle) * y + shift, y=np.sin(angle) * x + np.cos(angle) * y - shift
        )
    )
    table = time_averaged_msd(tracks)
    np.testing.assert_allclose(time_averaged_msd(turned)["msd_um2"], table["msd_um2"], rtol=1e-9, atol=1e-9)
    scaled = time_averaged_msd(tracks, pixel_size)["msd_um2"]
    np.testing.assert_allclose(scaled, table["msd_um2"] * pixel_size**2)


def test_agrees_with_trackpy(simulate):
    import trackpy

    trackpy.quiet()
    tracks = simulate(1, n_tracks=12, n_frames=30, error=0.05)
    theirs = trackpy.imsd(tracks.spots, 0.1, 20, max_lagtime=29)
    ours = time_averaged_msd(tracks, max_lag=29).pivot(index="lag", columns="particle", values="msd_um2")
    np.testing.assert_allclose(ours.to_numpy(), theirs.to_numpy(), rtol=1e-6)
    # trackpy weighs tracks by independent pairs, which is the same for tracks of one length.
    ensemble = ensemble_msd(tracks, max_lag=29)
    emsd = trackpy.emsd(tracks.spots, 0.1, 20, max_lagtime=29)
    np.testing.assert_allclose(ensemble["msd_um2"], emsd, rtol=1e-6)
    np.testing.assert_allclose(ensemble["lag_s"], emsd.index)


def test_every_pair_counts_the_same_in_the_ensemble(tracks_of):
    # Particle 0 makes two steps of 1, particle 1 one step of 4.
    tracks = tracks_of([(0, 0, 0, 0), (1, 0, 1, 0), (2, 0, 2, 0), (0, 1, 0, 0), (1, 1, 4, 0)])
    row = ensemble_msd(tracks, max_lag=1).iloc[0]
    assert row["msd_um2"] == pytest.approx((1 + 1 + 16) / 3)
    assert (row["n_pairs"], row["n_tracks"]) == (3, 2)
    assert np.isnan(row["low_um2"])  # two tracks say nothing of the spread between tracks


def test_interval_holds_the_truth(simulate):
    msd = ensemble_msd(simulate(3, n_tracks=200), max_lag=5)
    expected = 4 * 0.1 * msd["lag_s"]
    assert ((msd["low_um2"] < expected) & (expected < msd["high_um2"])).all()
    again = ensemble_msd(simulate(3, n_tracks=200), max_lag=5)
    pd.testing.assert_frame_equal(msd, again)


def test_lags_reach_a_quarter_of_the_longest_track_and_at_most_25(simulate):
    assert ensemble_msd(simulate(0, n_tracks=6, n_frames=41), n_resamples=10)["lag"].max() == 10
    assert ensemble_msd(simulate(0, n_tracks=6, n_frames=201), n_resamples=10)["lag"].max() == 25


def test_frames_of_any_size(tracks_of):
    far = 2**52
    tracks = tracks_of([(0, 0, 0, 0), (1, 0, 1, 0), (far, 0, 2, 0), (far + 1, 0, 5, 0)])
    table = time_averaged_msd(tracks)
    assert (table["lag"].max(), table["msd_um2"].iloc[0]) == (1, 5)


@pytest.mark.parametrize("is_3d", [False, True])
def test_no_tracks(is_3d):
    assert len(time_averaged_msd(Tracks.empty(is_3d), 1, 1, z_step=1)) == 0
    assert len(ensemble_msd(Tracks.empty(is_3d), 1, 1, z_step=1)) == 0


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ({"pixel_size": None}, "--pixel-size is needed"),
        ({"frame_interval": None}, "--frame-interval is needed"),
        ({"z_step": None}, "--z-step is needed"),
        ({"pixel_size": 0.0}, "--pixel-size must be a positive number of micrometres per pixel, got 0"),
        ({"pixel_size": -0.1}, "--pixel-size must be a positive number of micrometres per pixel, got -0.1"),
        ({"frame_interval": float("nan")}, "--frame-interval must be a positive number of seconds, got nan"),
        ({"z_step": float("inf")}, "--z-step must be a positive number of micrometres per slice, got inf"),
    ],
)
def test_units_must_be_known_and_positive(units, message):
    tracks = Tracks.empty(is_3d=True)
    with pytest.raises(TrackingError, match=message):
        time_averaged_msd(tracks, **{"pixel_size": 1.0, "frame_interval": 1.0, "z_step": 1.0} | units)


def test_max_lag_must_be_positive():
    with pytest.raises(ValueError, match="`max_lag` must be at least 1, got 0"):
        ensemble_msd(Tracks.empty(), 1, 1, max_lag=0)
