import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.gaps import fill_gaps
from tracking.linking.linking import GapPoints
from tracking.tracks import Tracks


def test_a_gap_is_filled_on_the_straight_line():
    #  frame  2    3    4    5
    #  x      0    .    .    3      two frames are missed
    #  y      10   .    .    4
    spots = pd.DataFrame({"frame": [2, 5], "particle": [8, 8], "x": [0.0, 3.0], "y": [10.0, 4.0], "mass": [7.0, 9.0]})
    filled = fill_gaps(Tracks.create(spots, pixel_size=0.2)).spots
    assert filled["frame"].tolist() == [2, 3, 4, 5]
    assert filled["particle"].tolist() == [8] * 4
    assert filled["x"].tolist() == pytest.approx([0, 1, 2, 3])
    assert filled["y"].tolist() == pytest.approx([10, 8, 6, 4])
    assert filled["virtual"].tolist() == [False, True, True, False]
    # Nothing was measured there.
    assert np.isnan(filled["mass"][1:3]).all()
    assert filled["mass"][[0, 3]].tolist() == [7, 9]


def test_a_gap_is_filled_where_the_particle_is_expected():
    #  frame  2    3    4    5
    #  x      0    8    .    3      expected in frame 3, but not in 4
    spots = pd.DataFrame({"frame": [2, 5], "particle": [8, 8], "x": [0.0, 3.0], "y": [10.0, 4.0], "x_std": [0.1, 0.2]})
    spots = spots.assign(link_probability=[np.nan, 0.7], track_probability=0.9)
    # In the order of a frame's axes: y, x. The last place is of a particle that is in no track.
    expected = GapPoints(
        frame=np.array([3, 3]),
        particle=np.array([8, -1]),
        position=np.array([[6.0, 8.0], [1.0, 1.0]]),
        covariance=np.array([[[4.0, 0.5], [0.5, 9.0]], np.eye(2)]),
    )
    filled = fill_gaps(Tracks.create(spots), expected).spots
    assert filled["x"].tolist() == pytest.approx([0, 8, 2, 3])
    assert filled["y"].tolist() == pytest.approx([10, 6, 6, 4])
    assert filled["x_std"].tolist() == pytest.approx([0.1, 3, np.nan, 0.2], nan_ok=True)
    assert filled["y_std"].tolist() == pytest.approx([np.nan, 2, np.nan, np.nan], nan_ok=True)
    assert filled["xy_cov"].tolist() == pytest.approx([np.nan, 0.5, np.nan, np.nan], nan_ok=True)
    # Those of the link across the gap, and of the particle.
    assert filled["link_probability"].tolist() == pytest.approx([np.nan, 0.7, 0.7, 0.7], nan_ok=True)
    assert filled["track_probability"].tolist() == [0.9] * 4


def test_expectations_in_three_dimensions_are_named_after_their_axes():
    spots = pd.DataFrame({"frame": [0, 2], "particle": 0, "x": 0.0, "y": 0.0, "z": 0.0})
    covariance = np.array([[[9.0, 0.23, 0.13], [0.23, 4.0, 0.12], [0.13, 0.12, 1.0]]])
    expected = GapPoints(np.array([1]), np.array([0]), np.array([[3.0, 2.0, 1.0]]), covariance)
    (row,) = fill_gaps(Tracks.create(spots), expected).spots.query("virtual").to_dict("records")
    assert [row[name] for name in ("x", "y", "z")] == [1, 2, 3]
    assert [row[name] for name in ("x_std", "y_std", "z_std")] == [1, 2, 3]
    assert [row[name] for name in ("xy_cov", "xz_cov", "yz_cov")] == [0.12, 0.13, 0.23]


def test_between_parent_and_child_nothing_is_filled():
    spots = pd.DataFrame({"frame": [0, 4], "particle": [0, 1], "x": [0.0, 4.0], "y": [0.0, 0.0]})
    tracks = fill_gaps(Tracks.create(spots, {1: (0,)}, frame_interval=0.5))
    assert len(tracks.spots) == 2
    assert tracks.parents == {1: (0,)}
    assert tracks.frame_interval == 0.5


def test_what_was_virtual_stays_so():
    spots = pd.DataFrame({"frame": [0, 1, 3], "particle": 0, "x": 0.0, "y": 0.0, "virtual": [False, True, False]})
    assert fill_gaps(Tracks.create(spots)).spots["virtual"].tolist() == [False, True, True, False]


@settings(deadline=None)
@given(data=st.data())
def test_every_particle_is_without_gaps_and_real_spots_are_untouched(data, any_tracks, assert_same):
    tracks = data.draw(any_tracks())
    filled = fill_gaps(tracks)
    for _, rows in filled.spots.groupby("particle"):
        assert (np.diff(rows["frame"]) == 1).all()
    given_rows = pd.MultiIndex.from_frame(tracks.spots[["frame", "particle"]])
    is_given = pd.MultiIndex.from_frame(filled.spots[["frame", "particle"]]).isin(given_rows)
    assert filled.spots.loc[~is_given, "virtual"].all()
    kept = filled.spots.loc[is_given, ["frame", "particle", *tracks.axes]].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, tracks.spots[["frame", "particle", *tracks.axes]])
    # Each filled position is as far along as the frame is: the same by numpy.
    for _, rows in filled.spots.groupby("particle"):
        real = tracks.spots[tracks.spots["particle"] == rows["particle"].iloc[0]]
        for axis in tracks.axes:
            expected = np.interp(rows["frame"], real["frame"], real[axis])
            assert rows[axis].to_numpy() == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert_same(fill_gaps(filled), filled)
