"""How well trackers link the same detections of simulated movies: this package's, peers' and references.

``python tests/benchmarks/tracking_peers.py --cache DIR`` prints tables in markdown and writes them with
``results.json`` into DIR. All it makes is kept there: a run that was stopped goes on where it was, and nothing is
computed twice. README.md beside this file says how the peers' environments are made.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from peer_measure import SHIPPED, Measure, Programs, result_path, say, write
from peer_movies import Cell, peer_movie
from peer_tables import ABLATION, NAMES, tables
from peer_tuning import SPACES, tune
from peer_verdict import ablation, verdicts
from peer_worker import PeerWorker

# Where a program takes minutes for a movie it is run on these densities alone.
SLOW = {"laptrack": ("low", "mid")}
# The longest first, so that no process is left alone with one in the end.
ORDER = ("laptrack", "btrack", "trackpy-velocity", "trackpy-adaptive", "trackpy")


@dataclass(frozen=True)
class Plan:
    """What is the same for all trackers and cells."""

    cache: Path
    seeds: tuple[int, ...]
    n_frames: int
    tuning_seed: int
    tuning_frames: int
    limit: float
    tuning_limit: float
    programs: Programs

    def result_path(self, cell: Cell, method: str, seed: int) -> Path:
        """Where the result of a tracker on a movie is kept."""
        return result_path(self.cache, cell, self.n_frames, method, seed)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    if options.tuning_seed in options.seeds:
        sys.exit("trackers may not be tuned on a movie they are scored on: --tuning-seed is one of --seeds")
    pythons = {"trackpy": sys.executable, "laptrack": options.laptrack_python, "btrack": options.btrack_python}
    plan = Plan(
        cache=options.cache,
        seeds=tuple(options.seeds),
        n_frames=options.frames,
        tuning_seed=options.tuning_seed,
        tuning_frames=min(options.tuning_frames, options.frames),
        limit=options.limit,
        tuning_limit=options.tuning_limit,
        programs=Programs({name: str(python) for name, python in pythons.items() if python}, options.weights),
    )
    cells = [
        Cell(scenario, density, snr, options.size)
        for scenario in options.scenarios
        for snr in options.snr
        for density in options.densities
    ]
    methods = [method for method in (*NAMES, *ABLATION) if method in options.methods]
    absent = {}
    for method in list(methods):
        if not plan.programs.has(method) and not options.table_only:
            absent[method] = f"left out, as --{method}-python was not given"
            methods.remove(method)
    if not options.table_only:
        _compute(plan, cells, methods, options.jobs)
    paths = [plan.result_path(*each) for each in _each(cells, methods, plan.seeds)]
    records = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
    if not records:
        sys.exit(f"there is no result of these in {plan.cache}")
    text = "\n\n".join(filter(None, [verdicts(records), ablation(records), tables(records, absent, SLOW)]))
    write(plan.cache / "results.json", json.dumps(records, indent=1))
    write(plan.cache / "tables.md", text)
    print(text)


def _compute(plan: Plan, cells: list[Cell], methods: list[str], n_jobs: int) -> None:
    movies = [(plan, cell, seed, plan.n_frames) for cell in cells for seed in plan.seeds]
    if any(method in SPACES for method in methods):
        movies += [(plan, cell, plan.tuning_seed, plan.tuning_frames) for cell in cells]
    methods = sorted(methods, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    tasks = [
        (plan, cell, method)
        for method in methods
        for cell in reversed(cells)
        if method not in SLOW or cell.density in SLOW[method]
    ]
    if n_jobs == 1:
        for movie in movies:
            _make_movie(*movie)
        for task in tasks:
            _run(*task)
        return
    with ProcessPoolExecutor(n_jobs, mp_context=get_context("spawn")) as pool:
        for function, work in ((_make_movie, movies), (_run, tasks)):
            for done in as_completed([pool.submit(function, *each) for each in work]):
                done.result()


def _make_movie(plan: Plan, cell: Cell, seed: int, n_frames: int) -> None:
    peer_movie(plan.cache, cell, seed, n_frames, say)


def _run(plan: Plan, cell: Cell, method: str) -> None:
    """Tune a tracker on the cell's tuning movie if it has options, and score it on every other movie."""
    start = time.monotonic()
    with PeerWorker(plan.programs.command(method)) as worker:
        measure = Measure(plan.cache, cell, method, worker, plan.programs.version(method))
        ranked, tuning = _tune(plan, measure) if method in SPACES else ([{}], None)
        for seed in plan.seeds:
            record = measure(seed, plan.n_frames, ranked, plan.limit)
            write(plan.result_path(cell, method, seed), json.dumps({**record, "tuning": tuning}, indent=1))
    n_tried = f", {tuning['n_tried']} settings" if tuning else ""
    say(f"{cell}, {method}: {measure.n_computed} linkings{n_tried} in {time.monotonic() - start:.0f} s")


def _tune(plan: Plan, measure: Measure) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    space, method = SPACES[measure.method], measure.method
    n_frames = min(space.n_frames or plan.tuning_frames, plan.tuning_frames)
    tried = []

    def evaluate(options: dict[str, Any]) -> float | None:
        record = measure(plan.tuning_seed, n_frames, [options], plan.tuning_limit)
        tried.append(record)
        return None if record["failure"] else float(record["scores"]["alpha"])

    ranked: list[tuple[float | None, dict[str, Any]]] = [*tune(space, evaluate)]
    if not ranked:
        say(f"{measure.cell}, {method}: no setting works, {tried[0]['failure']}")
        ranked = [(None, tried[0]["options"])]
    alpha, options = ranked[0]
    n_failed = sum(record["failure"] is not None for record in tried)
    seconds = sum(record["seconds"] for record in tried)
    tuning = {"options": options, "alpha": alpha, "n_tried": len(tried), "n_failed": n_failed, "seconds": seconds}
    return [options for _, options in ranked], {**tuning, "n_frames": n_frames, "seed": plan.tuning_seed}


def _each(cells: list[Cell], methods: list[str], seeds: Sequence[int]) -> Iterator[tuple[Cell, str, int]]:
    return ((cell, method, seed) for cell in cells for method in methods for seed in seeds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add: Callable[..., Any] = parser.add_argument
    add("--cache", type=Path, required=True, help="folder that keeps all that was computed")
    add("--scenarios", nargs="+", default=["vesicle", "receptor", "microtubule"])
    add("--densities", nargs="+", default=["mid", "high"], help="low, mid, high or a number of particles per frame")
    add("--snr", nargs="+", type=float, default=[4.0])
    add("--seeds", nargs="+", type=int, default=[1, 2, 3], help="movies that are scored")
    every = [*NAMES, *ABLATION]
    add("--methods", nargs="+", default=list(NAMES), choices=every, metavar="METHOD", help=", ".join(every))
    add("--frames", type=int, default=100)
    add("--size", type=int, help="side of a frame in pixels; the scenario's own if not given")
    add("--tuning-seed", type=int, default=1001, help="the movie on which options are chosen")
    add("--tuning-frames", type=int, default=40, help="frames of that movie at most")
    add("--limit", type=float, default=300, help="seconds after which a linking has failed")
    add("--tuning-limit", type=float, default=30, help="seconds after which a setting has failed")
    add("--laptrack-python", type=Path, help="python of an environment that has laptrack")
    add("--btrack-python", type=Path, help="python of an environment that has btrack")
    add("--weights", type=Path, default=SHIPPED, help="of the recurrent tracker; those that are shipped if not given")
    add("--jobs", type=int, default=1, help="processes")
    add("--table-only", action="store_true", help="compute nothing, print what the cache holds")
    return parser


if __name__ == "__main__":
    main()
