import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.tracks import Tracks


def table(**columns):
    return pd.DataFrame({"frame": [0, 1], "particle": [0, 0], "x": [1.0, 2.0], "y": [3.0, 4.0]} | columns)


def test_rows_are_sorted_by_frame_and_particle_and_get_exact_types():
    spots = pd.DataFrame(
        {"frame": [1.0, 0.0, 0.0], "particle": [2, 7, 2], "x": [1, 2, 3], "y": [4, 5, 6]}, index=[9, 9, 9]
    )
    tracks = Tracks.create(spots)
    assert tracks.spots[["frame", "particle"]].to_numpy().tolist() == [[0, 2], [0, 7], [1, 2]]
    assert tracks.spots["x"].tolist() == [3.0, 2.0, 1.0]
    assert tracks.spots.index.tolist() == [0, 1, 2]
    assert tracks.spots.dtypes.astype(str).to_dict() == {
        **{"frame": "int64", "particle": "int64"},
        **{"x": "float64", "y": "float64"},
    }
    assert tracks.n_particles == 2


def test_the_given_table_is_left_as_it_was():
    spots = table(frame=[1, 0])
    before = spots.copy()
    Tracks.create(spots)
    pd.testing.assert_frame_equal(spots, before)


def test_positions_are_in_the_order_of_a_frames_axes():
    assert Tracks.create(table()).positions().tolist() == [[3, 1], [4, 2]]
    tracks = Tracks.create(table(z=[5.0, 6.0]))
    assert tracks.axes == ("z", "y", "x")
    assert tracks.positions().tolist() == [[5, 3, 1], [6, 4, 2]]


@pytest.mark.parametrize("is_3d", [False, True])
def test_no_particles_are_valid_tracks(is_3d):
    tracks = Tracks.empty(is_3d)
    assert tracks.n_particles == 0
    assert tracks.positions().shape == (0, 3 if is_3d else 2)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"particle": [0, np.nan]}, "column particle must be finite, but row 1 is not"),
        ({"frame": [0, 0.5]}, "column frame must hold whole numbers from 0"),
        ({"frame": [-1, 0]}, "column frame must hold whole numbers from 0"),
        ({"frame": [0, 2.0**53]}, "column frame must hold whole numbers from 0"),
        ({"x": [np.inf, 0]}, "column x must be finite, but row 0 is not"),
        ({"x": [1, 1e300]}, r"column x must be within 1e\+09 of 0, but row 1 has 1e\+300"),
        ({"z": [-2e9, 0]}, r"column z must be within 1e\+09 of 0, but row 0 has -2e\+09"),
        ({"y": ["a", "b"]}, "column y must hold numbers"),
        ({"z": [None, "deep"]}, "column z must hold numbers"),
        ({"frame": [3, 3]}, "particle 0 is in two places in frame 3"),
        ({"virtual": [True, None]}, "column virtual must hold True or False"),
        ({"virtual": ["True", "False"]}, "column virtual must hold True or False"),
    ],
)
def test_what_cannot_be_is_refused(columns, sentence):
    with pytest.raises(TrackingError, match=sentence):
        Tracks.create(table(**columns))


def test_a_missing_column_is_named():
    with pytest.raises(TrackingError, match="but particle, y is missing"):
        Tracks.create(pd.DataFrame({"frame": [0], "x": [0.0]}))


def test_zeros_and_ones_are_truth_values_too():
    assert Tracks.create(table(virtual=[0, 1])).spots["virtual"].tolist() == [False, True]


@pytest.mark.parametrize("unit", [0.0, -1.0, np.nan, np.inf])
def test_a_unit_must_be_a_positive_number(unit):
    with pytest.raises(TrackingError, match="pixel_size must be a positive number"):
        Tracks.create(table(), pixel_size=unit)


@pytest.mark.parametrize(
    ("parents", "sentence"),
    [
        ({1: (9,)}, "comes from particle 9, but one of them has no spot"),
        ({9: (0,)}, "particle 9 comes from particle 0, but one of them has no spot"),
        ({0: (1,)}, "particle 0 begins before its parent 1 has ended"),
        ({1: (1,)}, "particle 1 begins before its parent 1 has ended"),
        ({1: (0, 0)}, "particle 1 names one of its parents twice"),
    ],
)
def test_parents_must_be_there_and_have_ended(parents, sentence):
    spots = table(particle=[0, 1])
    assert Tracks.create(spots, {1: (0,)}).parents == {1: (0,)}
    with pytest.raises(TrackingError, match=sentence):
        Tracks.create(spots, parents)


def test_a_particle_without_parents_is_not_listed():
    assert Tracks.create(table(), {0: ()}).parents == {}


def test_with_spots_keeps_parents_and_units(split_and_merge):
    tracks = Tracks.create(split_and_merge.spots, split_and_merge.parents, pixel_size=0.1, frame_interval=2.0)
    moved = tracks.with_spots(tracks.spots.assign(x=tracks.spots["x"] + 1))
    assert (moved.parents, moved.pixel_size, moved.z_step, moved.frame_interval) == (tracks.parents, 0.1, None, 2.0)
    assert (moved.spots["x"] == tracks.spots["x"] + 1).all()


@settings(deadline=None)
@given(data=st.data())
def test_building_anew_changes_nothing_whatever_the_order_of_rows(data, any_tracks, assert_same):
    tracks = data.draw(any_tracks())
    order = data.draw(st.permutations(range(len(tracks.spots))))
    assert_same(tracks.with_spots(tracks.spots.iloc[order]), tracks)
