import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
TINY = "--scenarios vesicle --densities 20 --size 128 --frames 10 --seeds 1 2 --methods laptrack nearest perfect"


@pytest.fixture
def _benchmarks(monkeypatch):
    """The benchmark is a folder of scripts, not a package."""
    monkeypatch.syspath_prepend(BENCHMARKS)


def run(cache):
    command = [sys.executable, str(BENCHMARKS / "tracking_peers.py"), "--cache", str(cache), *TINY.split()]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)


def kept(cache):
    files = [*(cache / "movies").iterdir(), *(cache / "linkings").iterdir()]
    return {file: file.stat().st_mtime_ns for file in files}


def test_a_tiny_cell_is_computed_once(tmp_path):
    first = run(tmp_path)
    records = {(one["method"], one["seed"]): one for one in json.loads((tmp_path / "results.json").read_text())}
    assert set(records) == {(method, seed) for method in ("nearest", "perfect") for seed in (1, 2)}
    for seed in (1, 2):
        tuned, perfect = (records[method, seed]["scores"]["alpha"] for method in ("nearest", "perfect"))
        assert 0.5 < tuned <= perfect < 1
    assert records["nearest", 1]["tuning"]["seed"] not in (1, 2)
    assert "| cell | nearest neighbour | perfect linking |" in first.stdout
    both = r"^\| vesicle 20, SNR 4 \| \*\*\.\d{3} ± \d?\.\d{3}\*\* \| \.\d{3} ± \d?\.\d{3} \|$"
    assert re.search(both, first.stdout, re.MULTILINE)
    assert "laptrack: left out, as --laptrack-python was not given" in first.stdout

    before = kept(tmp_path)
    assert run(tmp_path).stdout == first.stdout
    assert kept(tmp_path) == before


@pytest.mark.usefixtures("_benchmarks")
def test_tuning_finds_the_best_setting_and_leaves_failures_out():
    from peer_tuning import Space, tune

    space = Space(({"memory": 0},), {"radius": (3, 5, 8, 12, 15), "memory": (0, 1, 2)})
    asked = []

    def evaluate(options):
        asked.append(options)
        if options["radius"] >= 12:
            return None  # it fails
        return 0.8 - 0.01 * abs(options["radius"] - 5) - 0.1 * abs(options["memory"] - 1)

    ranked = tune(space, evaluate)
    assert ranked[0] == (pytest.approx(0.8), {"radius": 5, "memory": 1})
    assert all(options["radius"] < 12 for _, options in ranked)
    # 8 and 12 link no better than 5, so 15 is not tried; nothing is tried twice.
    assert {"radius": 15, "memory": 0} not in asked
    assert len(asked) == len({tuple(options.items()) for options in asked})


@pytest.mark.usefixtures("_benchmarks")
@pytest.mark.parametrize(
    "motion",
    [
        {"kind": "directed", "velocity": (3.0, 3.0), "acceleration": (0.3, 0.3)},
        {"kind": "switching", "step": (1.0, 1.0), "speed": (3.0, 3.0), "switch_probability": (0.05, 0.05)},
    ],
    ids=lambda motion: motion["kind"],
)
def test_the_reference_keeps_two_crossing_particles_apart(motion):
    from kalman_tracker import Population, link_kalman, motion_modes

    #  y=+4  a           b
    #  y=-4  b           a      both go 3 px right and .8 px down or up a frame, and cross in the middle; the one that
    #        t=0 ... t=10       goes down is not detected at t=7
    t = np.arange(11)
    down = np.stack([4 - 0.8 * t, 3.0 * t], axis=1)
    up = np.stack([-4 + 0.8 * t, 3.0 * t + 0.2], axis=1)
    frame = np.repeat(t, 2)
    is_down = np.tile([True, False], len(t))
    positions = np.stack([down, up], axis=1).reshape(-1, 2)
    seen = ~(is_down & (frame == 7))
    modes = motion_modes({"shared_direction": False, **motion}, 2, np.zeros(2))
    population = Population(
        survival=0.95, detection=0.95, first=2, births=0.1, clutter=0.1, volume=1e4, error=np.full(2, 0.04)
    )
    particle = link_kalman(frame[seen], positions[seen], modes, population)
    assert len(set(particle[is_down[seen]])) == 1
    assert len(set(particle[~is_down[seen]])) == 1
    assert set(particle[is_down[seen]]) != set(particle[~is_down[seen]])
