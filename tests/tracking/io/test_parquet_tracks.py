import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.io.parquet_tracks import METADATA_KEY, read_parquet_tracks, write_parquet_tracks
from tracking.tracks import Tracks


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_everything_is_read_back_exactly(data, any_tracks, assert_same, tmp_path_factory):
    tracks = data.draw(any_tracks())
    file = tmp_path_factory.mktemp("parquet") / "tracks.parquet"
    write_parquet_tracks(file, tracks)
    assert_same(read_parquet_tracks(file), tracks)


def test_text_and_all_types_of_numbers_survive(tmp_path, assert_same):
    spots = pd.DataFrame({"frame": [0, 1], "particle": 0, "x": 0.0, "y": 0.0, "note": ["a", None]})
    spots = spots.assign(small=pd.Series([0.1, 2], dtype="float32"), count=pd.Series([1, None], dtype="Int16"))
    tracks = Tracks.create(spots)
    write_parquet_tracks(tmp_path / "tracks.parquet", tracks)
    assert_same(read_parquet_tracks(tmp_path / "tracks.parquet"), tracks)


def test_a_file_that_others_wrote_needs_no_metadata_and_no_folder_becomes_a_column(tmp_path):
    folder = tmp_path / "particle=7"
    folder.mkdir()
    spots = pd.DataFrame({"frame": [0], "particle": [3], "x": [1.0], "y": [2.0]})
    spots.to_parquet(folder / "tracks.parquet")
    tracks = read_parquet_tracks(folder / "tracks.parquet")
    assert tracks.spots["particle"].tolist() == [3]
    assert tracks.pixel_size is None


def test_what_is_no_parquet_file(tmp_path):
    file = tmp_path / "tracks.parquet"
    file.write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(TrackingError, match=r"tracks\.parquet` is not a Parquet file, or it is damaged"):
        read_parquet_tracks(file)


@pytest.mark.parametrize(
    "metadata", [b"{", b"[]", b'{"parents": {"a": [1]}}', b'{"parents": {"1": 2}}', b'{"pixel_size": "big"}']
)
def test_damaged_metadata_are_one_sentence(tmp_path, metadata):
    table = pa.table({"frame": [0], "particle": [0], "x": [0.0], "y": [0.0]})
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: metadata}), tmp_path / "tracks.parquet")
    with pytest.raises(TrackingError, match=r"is damaged: its metadata medseg\.tracks cannot be read"):
        read_parquet_tracks(tmp_path / "tracks.parquet")


def test_a_missing_column_is_named_with_the_file(tmp_path):
    pd.DataFrame({"frame": [0], "x": [0.0], "y": [0.0]}).to_parquet(tmp_path / "spots.parquet")
    with pytest.raises(TrackingError, match=r"spots\.parquet`: tracks need the columns .* but particle is missing"):
        read_parquet_tracks(tmp_path / "spots.parquet")


def test_columns_of_objects_are_refused(tmp_path):
    spots = pd.DataFrame({"frame": [0], "particle": [0], "x": [0.0], "y": [0.0], "shape": [object()]})
    with pytest.raises(TrackingError, match="the tracks cannot be written as Parquet"):
        write_parquet_tracks(tmp_path / "tracks.parquet", Tracks.create(spots))
    assert list(tmp_path.iterdir()) == []
