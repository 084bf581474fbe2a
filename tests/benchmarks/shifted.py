"""How trackers degrade in conditions they were neither trained on nor tuned for.

``python tests/benchmarks/shifted.py --cache DIR`` needs the DIR of ``tracking_peers.py``, with the cells in it: peers
keep the options chosen there, on movies that are not shifted. It prints markdown and writes it, with
``shifted.json``, into DIR. A run that was stopped goes on where it was.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from peer_intervals import Record, difference, markdown, of_cell, scores, short
from peer_measure import SHIPPED, Measure, Programs, result_path, say, write
from peer_movies import UNSHIFTED, Cell, Shift
from peer_tables import INSTALLABLE, NAMES
from peer_tuning import SPACES
from peer_worker import PeerWorker

CONDITIONS = {
    "density": ("twice the density", Shift(density=2.0)),
    "speed": ("1.5 times the speed", Shift(speed=1.5)),
    "false": ("3 times the false detections", Shift(false=3.0)),
    # At an SNR of 4 hardly any detection is false, and three times as many are still few.
    "clutter": ("one false detection added for every five", Shift(added=0.2)),
}
METHODS = ("trackpy", "trackpy-adaptive", "trackpy-velocity", "laptrack", "btrack", "nearest", "recurrent", "kalman")
MEASURES = ("alpha", "beta", "jsc_theta")


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    pythons = {"trackpy": sys.executable, "laptrack": options.laptrack_python, "btrack": options.btrack_python}
    programs = Programs({name: str(python) for name, python in pythons.items() if python}, options.weights)
    cells = [Cell(scenario, options.density, options.snr, options.size) for scenario in options.scenarios]
    records, absent = [], []
    for method in options.methods:
        if not programs.has(method):
            absent.append(f"{NAMES[method]}: left out, as --{method}-python was not given.")
            continue
        for cell in cells:
            try:
                records += _of(options, programs, cell, method)
            except FileNotFoundError:
                absent.append(f"{NAMES[method]}, {cell}: not tuned in this cache.")
    if not records:
        sys.exit("nothing was measured: " + " ".join(absent))
    text = _tables(records, options.conditions, absent)
    write(options.cache / "shifted.json", json.dumps(records, indent=1))
    write(options.cache / "shifted.md", text)
    print(text)


def _of(options: argparse.Namespace, programs: Programs, cell: Cell, method: str) -> list[Record]:
    """Results of a tracker on the movies of a cell, shifted and not."""
    chosen = {seed: _options(options, cell, method, seed) for seed in options.seeds}
    records = []
    with PeerWorker(programs.command(method)) as worker:
        for condition in ("", *options.conditions):
            shift = CONDITIONS[condition][1] if condition else UNSHIFTED
            measure = Measure(options.cache, cell, method, worker, programs.version(method), shift)
            for seed in options.seeds:
                record = measure(seed, options.frames, [chosen[seed]], options.limit)
                records.append({**record, "condition": condition})
            if measure.n_computed:
                say(f"{cell}, {condition or 'not shifted'}, {method}: {measure.n_computed} linkings")
    return records


def _options(options: argparse.Namespace, cell: Cell, method: str, seed: int) -> dict[str, Any]:
    """Those the tracker had on the same movie before it was shifted.

    Raises:
        FileNotFoundError: It has not been tuned.
    """
    if method not in SPACES:
        return {}
    path = result_path(options.cache, cell, options.frames, method, seed)
    return dict(json.loads(path.read_text(encoding="utf-8"))["options"])


def _tables(records: Sequence[Record], conditions: Sequence[str], absent: Sequence[str]) -> str:
    seeds = sorted({record["seed"] for record in records})
    notes = [
        f"Means over the seeds {', '.join(map(str, seeds))}; ± half of the 95 percent interval (Student's t), of "
        "differences seed by seed. Peers keep the options tuned without the shift.",
        *absent,
    ]
    notes += [
        f"{NAMES[one['method']]}, {one['cell']}, {CONDITIONS[one['condition']][0]}, seed {one['seed']}: "
        f"{one['failure']}."
        for one in records
        if one["failure"] and one["condition"]
    ]
    parts = ["\n".join(f"- {note}" for note in notes)]
    for condition in conditions:
        parts += [f"alpha, {CONDITIONS[condition][0]} (and what it loses):", _alphas(records, condition)]
    for measure in MEASURES:
        parts += [f"Does the recurrent tracker lose more {measure} than the best peer?", _verdicts(records, measure)]
    return "\n\n".join(parts) + "\n"


def _alphas(records: Sequence[Record], condition: str) -> str:
    cells = list(dict.fromkeys(record["cell"] for record in records))
    methods = list(dict.fromkeys(record["method"] for record in records))
    rows = []
    for cell in cells:
        row = [cell]
        for method in methods:
            before, after = (_scores(records, one, cell, method, "alpha") for one in ("", condition))
            loss = difference(after, before) if before and after else None
            row.append(f"{short(statistics.mean(after.values()))} ({loss.signed})" if after and loss else "-")
        rows.append(row)
    return markdown(["cell", *(NAMES[method] for method in methods)], rows)


def _verdicts(records: Sequence[Record], measure: str) -> str:
    """Against the peer that is best without the shift, and against the best with it."""
    rows = []
    keys = dict.fromkeys((record["cell"], record["condition"]) for record in records if record["condition"])
    for cell, condition in keys:
        ours = [_scores(records, one, cell, "recurrent", measure) for one in ("", condition)]
        peer, lost = _best(records, cell, "", measure), None
        rival = _best(records, cell, condition, measure)
        if not all(ours) or not peer or not rival:
            continue
        theirs = [_scores(records, one, cell, peer, measure) for one in ("", condition)]
        row = [cell, CONDITIONS[condition][0], NAMES[peer]]
        if all(theirs):
            losses = [_less(before, after) for before, after in (ours, theirs)]
            lost = difference(*losses)
            row += [short(statistics.mean(loss.values())) for loss in losses]
        else:
            row += [short(statistics.mean(_less(*ours).values())), "failed"]
        gain = difference(ours[1], _scores(records, condition, cell, rival, measure))
        faster = lost is not None and lost.mean > 0
        verdict = ("**faster**" if lost.mean > (lost.half or 0) else "within the interval") if faster else "no faster"
        rows.append([*row, lost.signed if lost else "-", verdict, NAMES[rival], gain.signed if gain else "-"])
    header = ["cell", "condition", "best peer before", "recurrent loses", "it loses", "difference", "degrades"]
    return markdown([*header, "best peer after", "recurrent less it"], rows)


def _less(first: Mapping[int, float], second: Mapping[int, float]) -> dict[int, float]:
    return {seed: first[seed] - second[seed] for seed in first}


def _best(records: Sequence[Record], cell: str, condition: str, measure: str) -> str | None:
    found = {peer: _scores(records, condition, cell, peer, measure) for peer in INSTALLABLE}
    means = {peer: statistics.mean(one.values()) for peer, one in found.items() if one}
    return max(means, key=means.__getitem__) if means else None


def _scores(records: Sequence[Record], condition: str, cell: str, method: str, name: str) -> dict[int, float] | None:
    return scores(of_cell([one for one in records if one["condition"] == condition], cell, method), name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add: Callable[..., Any] = parser.add_argument
    add("--cache", type=Path, required=True, help="folder of tracking_peers.py, where peers have been tuned")
    add("--scenarios", nargs="+", default=["vesicle", "receptor", "microtubule", "virus"])
    add("--density", default="mid")
    add("--snr", type=float, default=4.0)
    add("--seeds", nargs="+", type=int, default=[1, 2, 3])
    add("--conditions", nargs="+", default=list(CONDITIONS), choices=list(CONDITIONS))
    add("--methods", nargs="+", default=list(METHODS), choices=list(METHODS), metavar="METHOD", help=", ".join(METHODS))
    add("--frames", type=int, default=100)
    add("--size", type=int, help="side of a frame in pixels; the scenario's own if not given")
    add("--limit", type=float, default=300, help="seconds after which a linking has failed")
    add("--weights", type=Path, default=SHIPPED, help="of the recurrent tracker; those that are shipped if not given")
    add("--laptrack-python", type=Path, help="python of an environment that has laptrack")
    add("--btrack-python", type=Path, help="python of an environment that has btrack")
    return parser


if __name__ == "__main__":
    main()
