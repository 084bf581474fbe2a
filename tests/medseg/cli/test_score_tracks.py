import json

import pandas as pd
import pytest

from tracking.io import read_tracks, write_tracks
from tracking.tracks import Tracks


def test_the_truth_scores_perfectly_against_itself(medseg, simulated):
    result = medseg("score-tracks", simulated / "truth.xml", simulated / "truth.xml", "--no-log", "--json")

    assert result.code == 0, result.err
    measures = json.loads(result.out)
    assert [measures[name] for name in ("alpha", "beta", "jsc", "jsc_theta", "rmse")] == [1, 1, 1, 1, 0]
    assert measures["detection"]["f1"] == 1


def test_a_shift_by_one_pixel_each_way_costs_what_the_definition_says(medseg, simulated, tmp_path, logged):
    truth = read_tracks(simulated / "truth.xml")
    moved = truth.with_spots(truth.spots.assign(x=truth.spots["x"] + 1, y=truth.spots["y"] + 1))
    write_tracks(tmp_path / "moved.csv", moved)

    result = medseg("score-tracks", simulated / "truth.xml", tmp_path / "moved.csv", "--json")

    # In a field as empty as this one a particle's own track stays its best match.
    assert json.loads(result.out)["alpha"] == pytest.approx(1 - 2**0.5 / 5, abs=1e-9)
    assert json.loads(result.out)["rmse"] == pytest.approx(2**0.5, abs=1e-9)
    (run,) = logged()
    assert run.data.metrics["alpha"] == pytest.approx(1 - 2**0.5 / 5, abs=1e-9)
    assert run.data.params["gate"] == "5.0"


def test_the_five_measures_are_shown(medseg, simulated):
    shown = medseg("score-tracks", simulated / "truth.xml", simulated / "truth.xml", "--no-log").out

    for name in ("alpha", "beta", "JSC", "JSC_theta", "RMSE", "precision", "recall", "f1"):
        assert name in shown


def test_without_a_match_the_rmse_is_undefined_rather_than_perfect(medseg, simulated, tmp_path, logged):
    truth = read_tracks(simulated / "truth.xml")
    write_tracks(tmp_path / "far.csv", truth.with_spots(truth.spots.assign(x=truth.spots["x"] + 1000)))
    arguments = ("score-tracks", simulated / "truth.xml", tmp_path / "far.csv")

    told = json.loads(medseg(*arguments, "--json", "--no-log").out)
    assert (told["tp"], told["alpha"], told["rmse"]) == (0, 0, None)
    (row,) = [line for line in medseg(*arguments).out.splitlines() if "RMSE" in line]
    assert row.strip("│ ").endswith("-")
    (run,) = logged()
    assert "alpha" in run.data.metrics
    assert not [name for name in run.data.metrics if "rmse" in name]


@pytest.mark.parametrize("is_truth_flat", [True, False])
def test_flat_tracks_against_a_truth_with_z_are_told(medseg, tmp_path, is_truth_flat):
    spots = pd.DataFrame({"frame": [0, 1], "particle": 0, "x": [1.0, 2.0], "y": [1.0, 2.0]})
    write_tracks(tmp_path / "flat.csv", Tracks.create(spots))
    write_tracks(tmp_path / "stack.csv", Tracks.create(spots.assign(z=3.0)))
    files = [tmp_path / "flat.csv", tmp_path / "stack.csv"]

    mixed = medseg("score-tracks", *(files if is_truth_flat else files[::-1]), "--no-log")
    assert mixed.code == 0
    assert mixed.err.count("warning:") == 1
    assert f"warning: `{files[0]}` has no z" in mixed.err
    assert "has no z" not in medseg("score-tracks", files[1], files[1], "--no-log").err


def test_what_cannot_be_compared_is_said(medseg, simulated, tmp_path):
    truth = simulated / "truth.xml"
    late = Tracks.create(pd.DataFrame({"frame": [900, 901], "particle": 0, "x": [1.0, 2.0], "y": [1.0, 2.0]}))
    write_tracks(tmp_path / "late.csv", late)
    write_tracks(tmp_path / "empty.xml", Tracks.empty())

    other = medseg("score-tracks", truth, tmp_path / "late.csv", "--no-log", "--json")
    assert other.code == 2
    assert "no frame in common" in other.err
    nothing = medseg("score-tracks", truth, tmp_path / "empty.xml", "--no-log", "--json")
    assert "holds no track" in nothing.err
    assert json.loads(nothing.out)["alpha"] == 0
    undefined = medseg("score-tracks", tmp_path / "empty.xml", truth, "--no-log", "--json")
    assert undefined.code == 2
    assert "undefined" in undefined.err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("<root><Track", "tracks.xml"),
        ('<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><root>&x;</root>', "tracks.xml"),
        ("<root><other/></root>", "tracks.xml"),
        ("", "tracks.xml"),
    ],
)
def test_malformed_and_hostile_xml_is_refused_in_one_sentence(medseg, simulated, tmp_path, content, sentence):
    (tmp_path / "tracks.xml").write_text(content)

    result = medseg("score-tracks", simulated / "truth.xml", tmp_path / "tracks.xml", "--no-log")

    assert result.code == 2
    assert sentence in result.err
    assert len(result.err.strip().splitlines()) == 1
    assert "root:" not in result.err + result.out
