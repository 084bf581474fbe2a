import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.gaps import fill_gaps
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
