import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.io.csv_tracks import read_csv_tracks, write_csv_tracks
from tracking.tracks import Tracks


@pytest.fixture
def read(tmp_path):
    def reading(text, encoding="utf-8"):
        file = tmp_path / "tracks.csv"
        file.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
        return read_csv_tracks(file)

    return reading


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back_exactly(data, any_tracks, assert_same, tmp_path_factory):
    tracks = data.draw(any_tracks(with_units=False))
    file = tmp_path_factory.mktemp("csv") / "tracks.csv"
    write_csv_tracks(file, tracks)
    found = read_csv_tracks(file)
    # A table without rows has nothing to tell the types of its columns by.
    expected = tracks if len(tracks.spots) else tracks.with_spots(tracks.spots.astype(object))
    assert_same(found, expected)


def test_the_file_is_the_table_with_parents_in_the_first_row_of_each_child(tmp_path, split_and_merge):
    write_csv_tracks(tmp_path / "tracks.csv", split_and_merge)
    assert (tmp_path / "tracks.csv").read_text().splitlines() == [
        "frame,particle,x,y,parents",
        *("0,1,10.0,5.0,", "1,1,11.0,5.5,"),
        *("2,2,12.0,4.0,1", "2,3,12.0,7.0,1", "3,3,13.0,7.125,", "4,2,14.0,4.25,", "4,3,14.0,7.0,"),
        *("5,4,15.0,5.5,2;3", "6,4,16.0,5.25,"),
    ]


def test_without_merges_and_splits_there_is_no_column_for_them(tmp_path):
    write_csv_tracks(tmp_path / "tracks.csv", Tracks.empty())
    assert (tmp_path / "tracks.csv").read_text() == "frame,particle,x,y\n"
    assert read_csv_tracks(tmp_path / "tracks.csv").n_particles == 0


def test_single_precision_and_text_survive_as_numbers_and_text(tmp_path):
    spots = pd.DataFrame({"frame": [0, 1], "particle": 0, "x": 0.0, "y": 0.0, "note": ["a, b", "µ"]})
    spots["mass"] = np.array([0.1, np.nan], np.float32)
    write_csv_tracks(tmp_path / "tracks.csv", Tracks.create(spots))
    found = read_csv_tracks(tmp_path / "tracks.csv").spots
    assert found["mass"][0] == np.float32(0.1)
    assert np.isnan(found["mass"][1])
    assert found["note"].tolist() == ["a, b", "µ"]


def test_trackpys_own_table_with_its_index(tmp_path):
    import trackpy

    trackpy.quiet()
    detections = pd.DataFrame(
        {"y": [1.0, 5.0, 1.5, 5.5], "x": [2.0, 6.0, 2.5, 6.5], "mass": [10.0, 20.0, 11.0, 21.0], "frame": [0, 0, 1, 1]}
    )
    linked = trackpy.link(detections, search_range=2)
    linked.to_csv(tmp_path / "tracks.csv")
    tracks = read_csv_tracks(tmp_path / "tracks.csv")
    assert sorted(tracks.spots.columns) == ["frame", "mass", "particle", "x", "y"]
    for _, rows in tracks.spots.groupby("particle"):
        assert np.diff(rows["mass"]).tolist() == [1.0]
    # In other versions the frame is the index as well as a column.
    linked.set_index("frame", drop=False).to_csv(tmp_path / "indexed.csv")
    assert sorted(read_csv_tracks(tmp_path / "indexed.csv").spots.columns) == sorted(tracks.spots.columns)


def test_a_byte_order_mark_blank_lines_and_whole_numbers_written_as_floats(read):
    tracks = read("\ufefframe,particle,x,y\n\n0.0,3.0,1,2\n\n".replace("\ufefframe", "\ufeffframe"))
    assert tracks.spots.to_numpy().tolist() == [[0, 3, 1, 2]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty, a table of tracks needs at least a header line"),
        ("frame,x,y\n0,1,2\n", "holds detections but no tracks: it has no column particle; link them first"),
        (
            "TrackID,t,x,y\n0,0,1,2\n",
            "needs the columns frame, particle, x and y, but frame, particle are missing among",
        ),
        ("frame;particle;x;y\n0;0;1;2\n", "needs the columns frame, particle, x and y"),
        ("frame,particle,x,y\n0,0,1,2\n1,0,far,2\n", "line 3: x must be a number, got 'far'"),
        ("frame,particle,x,y\n0,0,1,2\n\n1,0,,2\n", "line 4: x must be a number, got an empty cell"),
        ("frame,particle,x,y\n0,0,1,2\n1,0,nan,2\n", "line 3: x must be a number, got 'nan'"),
        ("frame,particle,x,y\n0,,1,2\n", "line 2: particle must be a number, got an empty cell"),
        ("frame,particle,x,y,mass\n0,0,1,2,\n1,0,1,2,much\n", "line 3: mass must be a number, got 'much'"),
        ("frame,particle,x,y,virtual\n0,0,1,2,maybe\n", "line 2: virtual must be True or False, got 'maybe'"),
        ("frame,particle,x,y,virtual\n0,0,1,2,\n", "line 2: virtual must be True or False, got an empty cell"),
        ("frame,particle,x,y\n0,0,1,2,3\n", "has rows with more cells than its header"),
        ('frame,particle,x,y\n0,0,1,"2\n', "is not a CSV table"),
        ("frame,particle,x,y\n0,0,inf,2\n", "column x must be finite"),
        ("frame,particle,x,y\n0,0,1,2\n0,0,3,4\n", "particle 0 is in two places in frame 0"),
        ("frame,particle,x,y\n99999999,0,1,2\n", "frames must be whole numbers from 0 to 10000000, got 99999999"),
        ("frame,particle,x,y,parents\n0,0,1,2,\n1,1,1,2,0+0\n", "line 3: parents must be numbers of particles such as"),
        ("frame,particle,x,y,parents\n0,0,1,2,\n1,1,1,2,7\n", "comes from particle 7, but one of them has no spot"),
        (
            "frame,particle,x,y,parents\n0,0,1,2,\n0,2,1,2,\n1,1,1,2,0\n2,1,1,2,2\n",
            "line 5: particle 1 has other parents",
        ),
    ],
)
def test_a_table_that_cannot_be_is_one_sentence_with_the_line(read, text, sentence):
    with pytest.raises(TrackingError, match=sentence):
        read(text)


def test_bytes_that_are_no_text(read):
    with pytest.raises(TrackingError, match="is not a CSV table"):
        read(b"\xff\xfe\x00\x01frame")


def test_a_column_named_parents_is_not_overwritten(tmp_path):
    spots = pd.DataFrame({"frame": [0], "particle": [0], "x": [0.0], "y": [0.0], "parents": [1]})
    with pytest.raises(TrackingError, match="a CSV keeps the column `parents` for merges and splits, rename yours"):
        write_csv_tracks(tmp_path / "tracks.csv", Tracks.create(spots))
