import json

import numpy as np
import pandas as pd
import pytest

from tracking.io import read_tracks, write_tracks
from tracking.tracks import Tracks


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.xml", "t.trackmate.xml", "t.npz", "t.geff"])
def test_tracks_come_back_from_every_format(medseg, simulated, tmp_path, name):
    forth = medseg("convert-tracks", simulated / "truth.xml", tmp_path / name, "--no-log", "--pixel-size", "0.1")
    back = medseg("convert-tracks", tmp_path / name, tmp_path / "back.xml", "--no-log", "--json")

    assert forth.code == 0, forth.err
    assert back.code == 0, back.err
    truth, again = read_tracks(simulated / "truth.xml"), read_tracks(tmp_path / "back.xml")
    assert json.loads(back.out)["particles"] == truth.n_particles == again.n_particles
    for axis in ("x", "y"):
        np.testing.assert_allclose(np.sort(again.spots[axis]), np.sort(truth.spots[axis]), atol=1e-9)


def test_a_merge_is_never_lost_in_silence(medseg, tmp_path):
    #  a - a
    #        \
    #          c - c
    #        /
    #  b - b
    spots = {
        "frame": [0, 1, 0, 1, 2, 3],
        "particle": [0, 0, 1, 1, 2, 2],
        "x": [0.0, 1, 0, 1, 2, 3],
        "y": [0.0, 1, 4, 3, 2, 2],
    }
    write_tracks(tmp_path / "merge.csv", Tracks.create(pd.DataFrame(spots), {2: (0, 1)}))

    kept = medseg("convert-tracks", tmp_path / "merge.csv", tmp_path / "merge.trackmate.xml", "--no-log")
    refused = medseg("convert-tracks", tmp_path / "merge.csv", tmp_path / "merge.xml", "--no-log")

    assert kept.code == 0
    assert [len(of) for of in read_tracks(tmp_path / "merge.trackmate.xml").parents.values()] == [2]
    assert refused.code == 2
    assert "merge" in refused.err
    assert not (tmp_path / "merge.xml").exists()


def test_bad_names_are_one_sentence_each(medseg, simulated, tmp_path):
    unknown = medseg("convert-tracks", simulated / "truth.xml", tmp_path / "tracks.docx", "--no-log")
    assert unknown.code == 2
    assert ".geff" in unknown.err
    absent = medseg("convert-tracks", tmp_path / "absent.csv", tmp_path / "out.csv", "--no-log")
    assert absent.code == 2
    assert "absent.csv" in absent.err
    (tmp_path / "there.csv").write_text("")
    there = medseg("convert-tracks", simulated / "truth.xml", tmp_path / "there.csv", "--no-log")
    assert there.code == 2
    assert "pass --overwrite" in there.err


def test_a_unit_must_be_positive(medseg, simulated, tmp_path):
    result = medseg("convert-tracks", simulated / "truth.xml", tmp_path / "t.csv", "--pixel-size", "0", "--no-log")
    assert result.code == 2
    assert "pixel_size must be a positive number, got 0" in result.err
    assert not (tmp_path / "t.csv").exists()


def test_the_run_names_no_file(medseg, simulated, tmp_path, logged):
    assert medseg("convert-tracks", simulated / "truth.xml", tmp_path / "Jane_Doe.csv").code == 0

    (run,) = logged()
    assert run.data.metrics["particles"] > 0
    assert "Jane_Doe" not in str(run.data)


def test_a_missing_folder_is_made(medseg, simulated, tmp_path):
    target = tmp_path / "a" / "b" / "tracks.csv"

    assert medseg("convert-tracks", simulated / "truth.xml", target, "--no-log").code == 0
    assert read_tracks(target).n_particles == read_tracks(simulated / "truth.xml").n_particles
