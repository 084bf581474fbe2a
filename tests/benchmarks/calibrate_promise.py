"""What ``medseg track --calibrate`` says to expect, beside what is then measured against the truth.

``python tests/benchmarks/calibrate_promise.py --cache DIR`` simulates movies by ``medseg simulate``, tracks each with
and without ``--calibrate``, scores both, and prints markdown. DIR keeps movies and tracks: what is there is not made
again.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from peer_intervals import markdown, short
from peer_measure import say, write

MEDSEG = Path(sys.executable).with_name("medseg")


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    rows = [
        _row(scenario, density, snr, seed, options)
        for seed in options.seeds
        for snr in options.snr
        for density in options.densities
        for scenario in options.scenarios
    ]
    header = ["movie", "expected alpha", "measured", "without calibrating", "gain of fine-tuning, expected", "weights"]
    text = markdown(header, rows)
    write(options.cache / "calibrate_promise.md", text)
    print(text)


def _row(scenario: str, density: str, snr: float, seed: int, options: argparse.Namespace) -> list[str]:
    name = f"{scenario}-{density}-{snr:g}-{seed}-{options.frames}"
    movie = options.cache / name
    if not (movie / "movie.tif").exists():
        say(f"{name}: simulating")
        scene = [scenario, "--density", density, "--snr", snr, "--seed", seed, "--frames", options.frames]
        _medseg("simulate", *scene, "-o", movie)
    plain = _tracked(movie, options.cache / f"{name}-plain")
    calibrate = ["--calibrate", "--calibration-minutes", options.minutes]
    calibrated = _tracked(movie, options.cache / f"{name}-calibrated-{options.minutes:g}", *calibrate)
    found = calibrated["calibration"]
    before, after = (short(one["measures"]["alpha"]) for one in (plain, calibrated))
    title = f"{scenario} {density}, SNR {snr:g}, seed {seed}"
    if found is None:
        return [title, "not calibrated", after, before, "-", "-"]
    expected = found["expected"]["tuned" if found["is_tuned"] else "shipped"]["alpha"]
    promise = f"{short(expected['mean'])} ± {short(expected['half_width'])}"
    gain = f"{found['gain']['alpha']:+.3f} ± {found['gain']['standard_error']:.3f}" if found["gain"] else "-"
    return [title, promise, after, before, gain, "fine-tuned" if found["is_tuned"] else "as they were"]


def _tracked(movie: Path, output: Path, *more: object) -> dict[str, Any]:
    """What ``medseg track`` says of a movie whose truth it is given."""
    answer = output.with_suffix(".json")
    if not answer.exists():
        say(output.name)
        shutil.rmtree(output, ignore_errors=True)
        said = _medseg("track", movie / "movie.tif", "--truth", movie / "truth.xml", *more, "--json", "-o", output)
        write(answer, said)
    return dict(json.loads(answer.read_text(encoding="utf-8")))


def _medseg(*arguments: object) -> str:
    command = [str(MEDSEG), *map(str, arguments), "--no-log"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=env).stdout


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add: Callable[..., Any] = parser.add_argument
    add("--cache", type=Path, required=True, help="folder that keeps movies and tracks")
    add("--scenarios", nargs="+", default=["vesicle", "receptor", "microtubule", "virus"])
    add("--densities", nargs="+", default=["mid"])
    add("--snr", nargs="+", type=float, default=[4.0])
    add("--seeds", nargs="+", type=int, default=[3001], help="on which nothing was trained, tuned or chosen")
    add("--frames", type=int, default=100)
    add("--minutes", type=float, default=3.0, help="of fine-tuning")
    return parser


if __name__ == "__main__":
    main()
