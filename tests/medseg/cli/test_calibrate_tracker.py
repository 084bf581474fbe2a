import json
from pathlib import Path

import pytest
import torch

from tracking.dpht.network import TrackNetwork
from tracking.dpht.weights import save_weights

OPTIONS = ("--calibrate", "--calibration-minutes", "0.05", "--no-log", "--json")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--calibrate", "--linker", "lap"), "--calibrate is for --linker recurrent alone"),
        (("--calibration-minutes", "2"), "--calibration-minutes is for --calibrate alone"),
        (("--seed", "2"), "--seed is for --calibrate alone"),
        (("--calibrate", "--calibration-minutes", "-1"), "--calibration-minutes must be greater than or equal to 0"),
        (("--calibrate", "--seed", "-1"), "--seed must be greater than or equal to 0, got -1"),
    ],
)
def test_options_that_make_no_sense_are_refused(medseg, simulated, tmp_path, options, sentence):
    result = medseg("track", simulated / "movie.tif", "-o", tmp_path / "out", "--no-log", *options)
    assert result.code == 2
    assert sentence in result.err
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def calibrated(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calibrated")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_calibrated_tracker_is_a_bundle_for_the_next_movie(medseg, simulated, calibrated):
    output = calibrated / "first"
    result = medseg("track", simulated / "movie.tif", "-o", output, *OPTIONS)
    assert result.code == 0, result.err
    assert "on movies like yours: alpha " in result.err
    said = json.loads(result.out)
    assert said["tracks"] > 0
    calibration = said["calibration"]
    bundle = output / "particle_tracker"
    assert json.loads((bundle / "calibration.json").read_text()) == calibration
    assert set(calibration["expected"]) == {"shipped", "tuned", "lap"}
    assert "on movies like yours" in (bundle / "docs" / "README.md").read_text()
    assert (output / "calibration.png").stat().st_size > 10_000
    record = json.loads((output / "run.json").read_text())
    assert record["metrics"]["calibration.shipped.alpha"] == pytest.approx(
        calibration["expected"]["shipped"]["alpha"]["mean"]
    )
    assert len(record["models"]) == 2

    check = medseg("bundle", "check", bundle)
    assert check.code == 0, check.out + check.err

    second = medseg(
        "track", simulated / "movie.tif", "-o", calibrated / "second", "--bundle", bundle, "--no-log", "--json"
    )
    assert second.code == 0, second.err
    assert json.loads(second.out)["tracks"] == said["tracks"]

    again = medseg("track", simulated / "movie.tif", "-o", output, *OPTIONS)
    assert again.code == 2
    assert "exists and is kept" in again.err


@pytest.mark.slow
def test_a_movie_too_short_to_calibrate_to_is_tracked_all_the_same(medseg, tmp_path):
    from tracking.io import write_movie
    from tracking.simulation import simulate

    movie = simulate("vesicle", density=20, snr=7, seed=1, overrides={"n_frames": 4, "frame_shape": (96, 96)})
    write_movie(tmp_path / "movie.tif", movie, frame_shape=movie.frame_shape, dtype=movie.dtype)
    result = medseg("track", tmp_path / "movie.tif", "-o", tmp_path / "out", *OPTIONS)
    assert result.code == 0, result.err
    assert "warning: the tracker was not calibrated: calibration needs 150 spots in 6 frames" in result.err
    said = json.loads(result.out)
    assert said["calibration"] is None
    assert said["tracks"] > 0
    assert not (tmp_path / "out" / "particle_tracker").exists()


def test_a_movie_of_which_hardly_anything_links_is_tracked_all_the_same(medseg, simulated, tmp_path):
    network = TrackNetwork(8)
    with torch.no_grad():
        network.judge_both.last.bias.sub_(20)  # no link is likely
    save_weights(tmp_path / "own.pt", network)
    track = ("track", simulated / "movie.tif", "--bundle", tmp_path / "own.pt", "--no-log", "--json", "-o")

    result = medseg(*track, tmp_path / "calibrated", "--calibrate")
    plain = medseg(*track, tmp_path / "plain")

    assert result.code == plain.code == 0, result.err
    assert "not calibrated: calibration needs 100 steps of particles" in result.err
    assert "give a longer movie, check the spots in overlay.png, or go without --calibrate" in result.err
    assert json.loads(result.out)["calibration"] is None
    assert "not calibrated" not in plain.err
    for name in ("tracks.csv", "overlay.png"):
        assert (tmp_path / "calibrated" / name).is_file()
        assert (tmp_path / "plain" / name).is_file()
