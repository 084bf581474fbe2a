import os

import pytest

from tracking.errors import TrackingError
from tracking.io.read_tracks import read_tracks
from tracking.io.write_tracks import write_tracks

FILES = ("t.csv", "t.parquet", "t.npz", "t.geff", "t.trackmate.xml", "T.CSV", "nested.zarr/t.geff")


@pytest.mark.parametrize("name", FILES)
def test_the_format_goes_by_the_suffix_and_for_xml_by_the_content(tmp_path, split_and_merge, assert_same, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    write_tracks(tmp_path / name, split_and_merge)
    found = read_tracks(tmp_path / name)
    assert_same(found.with_spots(found.spots[["frame", "particle", "x", "y"]]), split_and_merge, units=False)


def test_all_three_kinds_of_xml(shared_data):
    folder = shared_data / "trackmate_samples"
    assert read_tracks(folder / "stracking_FakeTracks_ISBI.xml").n_particles == 6
    assert read_tracks(folder / "trackmate2014_FakeTracks_Tracks.xml").n_particles == 4
    assert read_tracks(folder / "pycellin_FakeTracks_TMv8.xml").n_particles == 6


def test_icys_own_format_is_named_as_another_one(shared_data):
    with pytest.raises(TrackingError, match="line 3: a file of this format holds <TrackContestISBI2012>"):
        read_tracks(shared_data / "trackmate_samples/stracking_FakeTracks_Icy.xml")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("t.xml", "<svg/>", r"must be tracks of the Particle Tracking Challenge .* but its outermost element is 'svg'"),
        ("t.txt", "", r"must be a track file with one of the suffixes \.xml, \.csv, .*, got \.txt"),
        ("tracks", "", "got none"),
        ("t.geff", "", r"t\.geff` must be a folder, got a file"),
        ("t.csv", None, r"t\.csv` must be a file, got a folder"),
    ],
)
def test_what_is_unknown_is_one_sentence_that_names_what_is_known(tmp_path, name, content, sentence):
    file = tmp_path / name
    if content is None:
        file.mkdir()
    else:
        file.write_text(content)
    with pytest.raises(TrackingError, match=sentence):
        read_tracks(file)


def test_an_absent_file(tmp_path):
    with pytest.raises(TrackingError, match=r"absent\.csv` does not exist"):
        read_tracks(tmp_path / "absent.csv")


def test_a_file_that_cannot_be_opened(tmp_path, monkeypatch):
    file = tmp_path / "t.csv"
    file.write_text("frame,particle,x,y\n")

    def denied(self, *arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(file), "open", denied)
    with pytest.raises(TrackingError, match=r"t\.csv` could not be read: Permission denied"):
        read_tracks(file)


@pytest.mark.parametrize("name", ["frames", "frames.csv", "frames.xml", "movie.zarr"])
def test_a_folder_given_by_mistake_is_refused_without_a_walk(tmp_path, monkeypatch, name):
    folder = tmp_path / name
    (folder / "deep").mkdir(parents=True)

    def no_walk(*_args, **_options):
        raise AssertionError("the folder was walked")

    for module, function in ((os, "walk"), (os, "scandir"), (os, "listdir")):
        monkeypatch.setattr(module, function, no_walk)
    with pytest.raises(TrackingError, match=r"must be a|is not a GEFF"):
        read_tracks(folder)
