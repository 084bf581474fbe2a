import json
import shutil
from pathlib import Path

import pytest

from medseg.bundle import find_bundle, read_metadata
from tracking.dpht.network import TrackNetwork
from tracking.dpht.weights import save_weights

EVALUATE = ("evaluate", "--bundle", "particle_tracker")


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """A copy of the shipped tracker that is evaluated on two small lessons; its config is no longer the shipped one."""
    folder = tmp_path / "quick"
    shutil.copytree(find_bundle("particle_tracker"), folder)
    config = folder / "configs" / "evaluate.yaml"
    for old, new in (
        ("n_lessons: 30", "n_lessons: 2"),
        ("n_movies: 8", "n_movies: 2"),
        ("n_frames: 24", "n_frames: 6"),
    ):
        assert old in config.read_text()
        config.write_text(config.read_text().replace(old, new))
    return folder


def test_a_tracker_is_scored_on_simulated_movies(medseg, quick, logged, tmp_path):
    out = tmp_path / "scores"
    evaluate = ("evaluate", "-b", quick, "-o", out)
    assert "--trust-bundle" in medseg(*evaluate).err
    result = medseg(*evaluate, "--trust-bundle", "--json")

    assert result.code == 0, result.err
    metrics = json.loads((out / "metrics.json").read_text())
    assert json.loads(result.out) == metrics
    assert metrics["bundle"]["version"] == read_metadata(quick).version
    summary = metrics["summary"]
    assert summary["link_log_likelihood"] < 0
    assert 0 <= summary["link_calibration_error"] <= 1
    assert 0 < summary["right"] <= 1
    assert {path.name for path in out.iterdir()} == {"metrics.json", "run.json"}
    run = logged()[-1]
    assert run.info.status == "FINISHED"
    assert run.data.metrics["right"] == summary["right"]
    assert run.data.tags["model_sha256"] == metrics["bundle"]["weights_sha256"]

    kept = medseg(*evaluate, "--trust-bundle")
    assert kept.code == 2
    assert "--overwrite" in kept.err


def test_a_search_that_the_network_cannot_do_is_one_sentence(medseg, quick, tmp_path):
    config = quick / "configs" / "evaluate.yaml"
    config.write_text(config.read_text().replace("depth: 3", "depth: 99"))
    save_weights(quick / "models" / "model.pt", TrackNetwork(8))

    result = medseg("evaluate", "-b", quick, "-o", tmp_path / "scores", "--trust-bundle", "--no-log")

    assert result.code == 2
    assert "bundle `quick` cannot be evaluated: `depth` must be a whole number from 1 to" in result.err
    assert not (tmp_path / "scores" / "metrics.json").exists()


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--data", "leave out --images, --labels, --data and --split, and track movies of your own with medseg track"),
        ("--images", "track movies of your own with medseg track"),
        ("--device", "is scored on the CPU: leave out --device"),
    ],
)
def test_options_that_a_tracker_has_no_use_for(medseg, tmp_path, option, sentence):
    value = "cuda" if option == "--device" else tmp_path
    result = medseg(*EVALUATE, option, value, "-o", tmp_path / "out")
    assert result.code == 2
    assert sentence in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_card_holds_what_the_command_measures(medseg, tmp_path):
    card = read_metadata(find_bundle("particle_tracker")).eval_metrics
    if not card:
        pytest.skip("the weights of the release are not measured yet")
    assert medseg(*EVALUATE, "-o", tmp_path, "--no-log").code == 0
    summary = json.loads((tmp_path / "metrics.json").read_text())["summary"]
    for name in summary.keys() & card.keys():
        assert summary[name] == pytest.approx(card[name], abs=0.002), name
    assert summary.keys() & card.keys()
