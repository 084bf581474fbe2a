"""Speed and memory of the recurrent tracker, beside trackpy and ``lap`` in the same run.

``python tests/benchmarks/bench_recurrent.py --cache DIR`` prints markdown and writes it, with ``speed.json``, into DIR.
Every part is measured in a process of its own; those that are done are not measured again, until the code that links or
the weights change.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from peer_intervals import markdown
from peer_measure import SHIPPED, Programs, say, write
from peer_movies import digest
from peer_worker import THREADS

from tracking.simulation import scenario_options, simulate_positions

# Particles of a frame of 512 x 512, that of the scenario "receptor, high"; other numbers have the same density.
PARTICLES, SIDE = 1000, 512
# The radius that is best for trackpy and lap on these movies.
RADIUS = 6.0
# What a detector does at an SNR of 4: share of spots that are missed, share that are false, error in pixels.
MISSED, FALSE, ERROR = 0.03, 0.005, 0.2
GOAL, LEAST = 15_000, 5_000
# Parts: particles of a frame, frames, threads, rounds.
FRAMES = {f"frames-{n}": (PARTICLES, n, 1) for n in (50, 100, 200)}
COUNTS = {f"particles-{n}": (n, 100, 1) for n in (100, PARTICLES, 10_000)}
BESIDE = {f"threads-{n}": (PARTICLES, 100, n) for n in (1, 2)}
MEMORY = {"memory-1000": (1000, 1000, 1), "memory-10000": (10_000, 100, 1)}
GROUPS = {"beside": BESIDE, "frames": FRAMES, "particles": COUNTS, "memory": MEMORY}


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    if options.part:
        print(json.dumps(_measure(options.part, options)))
        return
    code = Programs({}, options.weights).version("recurrent")
    found: dict[str, dict[str, Any]] = {}
    for group in options.groups:
        for part, what in GROUPS[group].items():
            key = digest(json.dumps([part, what, options.rounds, options.share, code]).encode())
            path = options.cache / "speed" / f"{part}-{key}.json"
            if not path.exists():
                say(f"{part}: {what[0]:,} particles a frame, {what[1]} frames, {what[2]} threads")
                write(path, json.dumps(_in_process(part, what[2], options)))
            found[part] = json.loads(path.read_text(encoding="utf-8"))
    text = _tables(found, options)
    write(options.cache / "speed.json", json.dumps(found, indent=1))
    write(options.cache / "speed.md", text)
    print(text)


def _in_process(part: str, threads: int, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, "--cache", str(options.cache), "--weights", str(options.weights)]
    command += ["--part", part, "--rounds", str(options.rounds), "--share", str(options.share)]
    env = {**os.environ, **{name: str(threads) for name in THREADS}}
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=env).stdout
    return dict(json.loads(answer.splitlines()[-1]))


def _measure(part: str, options: argparse.Namespace) -> dict[str, Any]:
    group = next(name for name, parts in GROUPS.items() if part in parts)
    n_particles, n_frames, threads = GROUPS[group][part]
    frames, positions = detections(n_particles, max(round(options.share * n_frames), 4))
    before = _peak()
    linkers = _linkers(options.weights, with_others=group == "beside")
    loaded = _peak()
    # What is done once in a process, such as imports, is no part of the linking.
    few = slice(np.searchsorted(frames, 10))
    for linker in linkers.values():
        linker(frames[few], positions[few])
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in linkers}
    for _ in range(1 if group == "memory" or n_particles > PARTICLES else options.rounds):
        for name, linker in linkers.items():
            cpu, wall = time.process_time(), time.perf_counter()
            linker(frames, positions)
            seconds[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    return {
        **{"particles": n_particles, "frames": int(frames[-1]) + 1, "detections": len(frames), "threads": threads},
        **{"seconds": seconds, "peak_bytes": _peak(), "loaded_bytes": loaded, "spots_bytes": before},
    }


def detections(n_particles: int, n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames and positions of detected receptors, at the same density whatever their number."""
    side = round(SIDE * (n_particles / PARTICLES) ** 0.5)
    overrides = {"n_frames": n_frames, "frame_shape": (side, side)}
    rng = np.random.default_rng(0)
    truth = simulate_positions(scenario_options("receptor", density=n_particles, overrides=overrides), rng)
    seen = rng.random(len(truth.frame)) >= MISSED
    n_false = round(FALSE * seen.sum())
    frames = np.concatenate([truth.frame[seen], rng.integers(0, n_frames, n_false)])
    positions = truth.position[seen] + rng.normal(0, ERROR, (seen.sum(), 2))
    positions = np.concatenate([positions, rng.uniform(-0.5, side - 0.5, (n_false, 2))])
    order = np.lexsort((positions[:, 0], frames))
    return frames[order], positions[order]


def _linkers(weights: Path, with_others: bool) -> dict[str, Callable[[np.ndarray, np.ndarray], object]]:
    from own_recurrent import recurrent_links

    from tracking.dpht.weights import load_weights
    from tracking.linking import LinkingOptions, link

    network = load_weights(weights)

    def recurrent(frames: np.ndarray, positions: np.ndarray) -> object:
        return recurrent_links(frames, positions, network)

    def trackpy(frames: np.ndarray, positions: np.ndarray) -> object:
        return link(frames, positions, LinkingOptions(method="trackpy", search_radius=RADIUS))

    def lap(frames: np.ndarray, positions: np.ndarray) -> object:
        return link(frames, positions, LinkingOptions(method="lap", search_radius=RADIUS))

    return {"recurrent": recurrent, "trackpy": trackpy, "lap": lap} if with_others else {"recurrent": recurrent}


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _tables(found: dict[str, dict[str, Any]], options: argparse.Namespace) -> str:
    parts = [
        f"Receptors, {PARTICLES:,} in {SIDE} x {SIDE} or as dense, positions only. CPU seconds of the linking, with "
        f"all first looks; medians of {options.rounds} rounds in which the linkers take turns, and of one where there "
        f"are more than {PARTICLES:,} particles."
    ]
    rows = []
    for one in (found[part] for part in BESIDE if part in found):
        for name, times in one["seconds"].items():
            rate = median(one["detections"] / cpu for cpu, _ in times)
            pairs = zip(times, one["seconds"]["trackpy"], strict=True)
            ratio = median(other[0] / own[0] for own, other in pairs)
            wall = median(one["detections"] / seconds for _, seconds in times)
            rows.append([str(one["threads"]), name, f"{rate:,.0f}", f"{wall:,.0f}", f"{ratio:.2f}"])
    if rows:
        header = ["threads", "linker", "detections per CPU second", "per second", "times trackpy's rate"]
        parts += [f"Goal {GOAL:,} per CPU second, at least {LEAST:,}:", markdown(header, rows)]
    for title, group in (("Time over frames", FRAMES), ("Time over particles", COUNTS)):
        rows, before = [], None
        for one in (found[part] for part in group if part in found):
            cpu = median(own for own, _ in one["seconds"]["recurrent"])
            times = f"{cpu / before[0]:.2f} for {one['detections'] / before[1]:.2f} times the spots" if before else "-"
            numbers = [f"{one['particles']:,}", str(one["frames"]), f"{one['detections']:,}", f"{cpu:.1f}"]
            rows.append([*numbers, f"{one['detections'] / cpu:,.0f}", times])
            before = (cpu, one["detections"])
        if rows:
            header = [
                "particles a frame",
                "frames",
                "spots",
                "CPU seconds",
                "spots per CPU second",
                "times the one before",
            ]
            parts += [f"{title}:", markdown(header, rows)]
    rows = [
        [
            *(f"{one['particles']:,}", str(one["frames"]), f"{one['detections']:,}"),
            *(f"{one[name] / 1e9:.2f}" for name in ("spots_bytes", "loaded_bytes", "peak_bytes")),
        ]
        for one in (found[part] for part in MEMORY if part in found)
    ]
    if rows:
        header = ["particles a frame", "frames", "spots", "GB with the spots", "and the libraries", "peak of linking"]
        parts += ["Peak of resident memory:", markdown(header, rows)]
    return "\n\n".join(parts) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add: Callable[..., Any] = parser.add_argument
    add("--cache", type=Path, required=True, help="folder that keeps what was measured")
    add("--groups", nargs="+", default=list(GROUPS), choices=list(GROUPS))
    add("--rounds", type=int, default=5)
    add("--share", type=float, default=1.0, help="of the frames of every movie, to try it out")
    add("--weights", type=Path, default=SHIPPED, help="of the recurrent tracker; those that are shipped if not given")
    add("--part", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
