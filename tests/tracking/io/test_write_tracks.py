from xml.etree import ElementTree

import pandas as pd
import pytest

from tracking.errors import TrackingError
from tracking.io.challenge_xml import read_challenge_xml
from tracking.io.read_tracks import read_tracks
from tracking.io.write_tracks import TRACK_FORMATS, write_tracks
from tracking.tracks import Tracks


@pytest.fixture
def tracks():
    spots = pd.DataFrame({"frame": [0, 1], "particle": [0, 0], "x": [1.0, 2.0], "y": [3.0, 4.0]})
    return Tracks.create(spots)


def test_the_formats():
    assert TRACK_FORMATS == ("csv", "parquet", "challenge", "trackmate", "napari", "geff")


@pytest.mark.parametrize(
    ("name", "root"), [("t.xml", "root"), ("t.trackmate.xml", "TrackMate"), ("T.TrackMate.XML", "TrackMate")]
)
def test_xml_is_the_challenges_unless_the_name_says_trackmate(tmp_path, tracks, name, root):
    write_tracks(tmp_path / name, tracks)
    assert ElementTree.parse(tmp_path / name).getroot().tag == root


@pytest.mark.parametrize("file_format", TRACK_FORMATS)
def test_a_named_format_goes_before_the_suffix(tmp_path, tracks, file_format):
    target = tmp_path / "result.out"
    write_tracks(target, tracks, file_format)
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.out"]
    if file_format == "challenge":
        assert read_challenge_xml(target).n_particles == 1


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xml", ".trackmate.xml", ".npz", ".geff"])
@pytest.mark.parametrize("is_3d", [False, True])
def test_no_particles_at_all_are_a_valid_file_of_every_format(tmp_path, suffix, is_3d):
    write_tracks(tmp_path / f"empty{suffix}", Tracks.empty(is_3d))
    found = read_tracks(tmp_path / f"empty{suffix}")
    assert found.n_particles == 0
    # Without a detection the challenge's format cannot tell how many axes there are.
    assert len(found.axes) == (3 if is_3d and suffix != ".xml" else 2)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".trackmate.xml", ".npz", ".geff"])
def test_writing_again_replaces_what_was_there(tmp_path, tracks, suffix):
    file = tmp_path / f"tracks{suffix}"
    write_tracks(file, Tracks.empty())
    write_tracks(file, tracks)
    assert len(read_tracks(file).spots) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize("name", ["tracks.txt", "tracks", "xml"])
def test_an_unknown_suffix_names_those_known(tmp_path, tracks, name):
    with pytest.raises(
        TrackingError, match=r"must end in a known suffix, \.csv, .*\.trackmate\.xml, \.xml, .*, got (\.txt|none)$"
    ):
        write_tracks(tmp_path / name, tracks)


def test_an_unknown_format_names_those_known(tmp_path, tracks):
    with pytest.raises(TrackingError, match=r"must be one of csv, parquet, .*, got xlsx"):
        write_tracks(tmp_path / "tracks.csv", tracks, "xlsx")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xml", ".trackmate.xml", ".npz", ".geff"])
def test_a_folder_that_is_absent_is_one_sentence(tmp_path, tracks, suffix):
    target = tmp_path / "absent" / f"tracks{suffix}"
    with pytest.raises(TrackingError, match="could not be written: No such file or directory"):
        write_tracks(target, tracks)
