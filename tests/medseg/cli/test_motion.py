import json

import numpy as np
import pandas as pd
import pytest

from tracking.io import write_tracks
from tracking.tracks import Tracks

UNITS = ("--pixel-size", "0.1", "--frame-interval", "0.05", "--no-log")


@pytest.fixture
def walks(tmp_path):
    """Sixty particles that diffuse with 1 pixel a frame and axis: D = 0.1² / (2 · 0.05) = 0.1 µm²/s."""
    random = np.random.default_rng(0)
    steps = random.normal(0, 1, (60, 50, 2)).cumsum(axis=1) + random.uniform(100, 400, (60, 1, 2))
    particle, frame = np.divmod(np.arange(3000), 50)
    table = pd.DataFrame({"frame": frame, "particle": particle, "y": steps[..., 0].ravel(), "x": steps[..., 1].ravel()})
    write_tracks(tmp_path / "walks.csv", Tracks.create(table))
    return tmp_path / "walks.csv"


def test_the_diffusion_coefficient_comes_with_its_interval(medseg, walks, tmp_path):
    result = medseg("motion", walks, *UNITS, "-o", tmp_path / "out", "--json")

    assert result.code == 0, result.err
    summary = json.loads(result.out)
    assert summary["diffusion_um2_s"]["low_95"] < 0.1 < summary["diffusion_um2_s"]["high_95"]
    assert summary["diffusion_um2_s"]["value"] == pytest.approx(0.1, rel=0.1)
    assert summary["alpha"]["value"] == pytest.approx(1, abs=0.1)
    assert summary == json.loads((tmp_path / "out" / "motion.json").read_text())
    assert len(pd.read_csv(tmp_path / "out" / "motion_tracks.csv")) == 60
    assert pd.read_csv(tmp_path / "out" / "msd.csv")["msd_um2"].iloc[0] == pytest.approx(4 * 0.1 * 0.05, rel=0.1)
    assert (tmp_path / "out" / "motion.png").stat().st_size > 30_000


def test_physics_wants_units(medseg, walks, tmp_path):
    without_size = medseg("motion", walks, "--frame-interval", "0.05", "-o", tmp_path / "out", "--no-log")
    assert without_size.code == 2
    assert "--pixel-size" in without_size.err
    without_time = medseg("motion", walks, "--pixel-size", "0.1", "-o", tmp_path / "out", "--no-log")
    assert without_time.code == 2
    assert "--frame-interval" in without_time.err
    assert not (tmp_path / "out" / "motion.json").exists()


def test_a_file_that_holds_units_needs_no_options(medseg, walks, tmp_path):
    named = medseg("convert-tracks", walks, tmp_path / "walks.parquet", *UNITS)
    assert named.code == 0, named.err
    assert medseg("motion", tmp_path / "walks.parquet", "-o", tmp_path / "out", "--no-log").code == 0


def test_tracks_without_a_spot_are_no_crash(medseg, tmp_path):
    write_tracks(tmp_path / "empty.csv", Tracks.empty())

    result = medseg("motion", tmp_path / "empty.csv", *UNITS, "-o", tmp_path / "out")

    assert result.code == 0, result.err
    assert "warning" in result.err


def test_the_run_holds_the_numbers(medseg, walks, tmp_path, logged):
    assert medseg("motion", walks, *UNITS[:-1], "-o", tmp_path / "out").code == 0

    (run,) = logged()
    assert run.data.metrics["diffusion_um2_s_value"] == pytest.approx(0.1, rel=0.1)
    assert run.data.params["pixel_size"] == "0.1"


def test_the_tracks_it_reads_are_never_replaced(medseg, walks, tmp_path):
    (tmp_path / "tracks.csv").write_bytes(walks.read_bytes())

    assert medseg("motion", tmp_path / "tracks.csv", *UNITS, "-o", tmp_path).code == 0

    assert (tmp_path / "tracks.csv").read_bytes() == walks.read_bytes()
    again = medseg("motion", tmp_path / "tracks.csv", *UNITS, "-o", tmp_path)
    assert again.code == 2
    assert "pass --overwrite" in again.err


def test_sizes_that_track_has_seen_need_not_be_given_again(medseg, simulated, tmp_path):
    assert medseg("track", simulated / "movie.tif", "-o", tmp_path / "t", *UNITS).code == 0

    result = medseg("motion", tmp_path / "t" / "tracks.csv", "-o", tmp_path / "out", "--no-log", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["pixel_size_um"] == 0.1
