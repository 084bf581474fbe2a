"""Whether the recurrent tracker's probabilities come true, and its regions hold what they say.

``python tests/benchmarks/recurrent_calibration.py --cache DIR`` simulates movies, detects their spots and links them,
also in conditions that the tracker was not trained for. It prints markdown and writes it, with ``calibration.json``
and ``calibration.png``, into DIR. A run that was stopped goes on where it was.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from calibration_figure import save_calibration_figure
from calibration_of_movie import compare_with_truth
from own_recurrent import version
from peer_intervals import markdown, short
from peer_measure import FOLDER, SHIPPED, say, write
from peer_movies import UNSHIFTED, Cell, Shift, digest, peer_movie
from reliability import coverage, reliability_curve

from tracking.atomic import atomic_path
from tracking.dpht.network import TrackNetwork
from tracking.dpht.weights import load_weights
from tracking.errors import TrackingError

CONDITIONS = {
    "as trained": UNSHIFTED,
    "density x 2": Shift(density=2.0),
    "speed x 1.5": Shift(speed=1.5),
}
PROBABILITIES = {
    "link": "links",
    "track": "tracks",
    "real": "spot is a particle",
    "seen_again": "particle is seen again",
}
# The bars: expected calibration error of links at most, and coverage of 95 percent regions between.
MOST_ERROR, LEAST_COVERAGE, MOST_COVERAGE = 0.03, 0.92, 0.97

Compared = dict[str, np.ndarray]


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    try:
        network, code = load_weights(options.weights), version(options.weights)
    except TrackingError as error:
        sys.exit(str(error))
    found: dict[str, dict[str, list[Compared]]] = {}
    for condition in options.conditions:
        densities = options.densities if CONDITIONS[condition] == UNSHIFTED else options.shifted_densities
        for scenario in options.scenarios:
            for snr in options.snr:
                for density in densities:
                    cell = Cell(scenario, density, snr, options.size)
                    movies = [_compared(options, cell, seed, condition, network, code) for seed in options.seeds]
                    found.setdefault(condition, {})[str(cell)] = movies
    results = {condition: _results(cells) for condition, cells in found.items()}
    text = _tables(results, options.seeds)
    write(options.cache / "calibration.json", json.dumps(results, indent=1))
    write(options.cache / "calibration.md", text)
    save_calibration_figure(
        options.cache / "calibration.png",
        {condition: [movie for movies in cells.values() for movie in movies] for condition, cells in found.items()},
    )
    print(text)


def _compared(
    options: argparse.Namespace, cell: Cell, seed: int, condition: str, network: TrackNetwork, code: str
) -> Compared:
    shift = CONDITIONS[condition]
    movie = peer_movie(options.cache, cell, seed, options.frames, say, shift)
    own = (FOLDER / "calibration_of_movie.py").read_bytes()
    what = json.dumps([asdict(cell), asdict(shift), seed, code, movie.digest, movie.truth_digest])
    path = options.cache / "calibration" / f"{cell.name}-{seed}-{digest(what.encode(), own)}.npz"
    if not path.exists():
        say(f"{cell}, {condition}, seed {seed}: linking {movie.n_spots:,} spots")
        path.parent.mkdir(parents=True, exist_ok=True)
        compared = compare_with_truth(movie, network)
        with atomic_path(path) as partial:
            np.savez_compressed(partial, **compared)
    with np.load(path) as file:
        return dict(file)


def _results(cells: dict[str, list[Compared]]) -> dict[str, dict[str, Any]]:
    """Of every cell, and of all together."""
    every = [movie for movies in cells.values() for movie in movies]
    return {name: _result(movies) for name, movies in {**cells, "all": every}.items()}


def _result(movies: Sequence[Compared]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name in PROBABILITIES:
        probability, is_true = np.concatenate([movie[name] for movie in movies]).T
        curves = {
            kind: reliability_curve(probability, is_true, equal_mass=kind == "equal_mass")
            for kind in ("equal_mass", "equal_width")
        }
        result[name] = {
            "n": len(probability),
            "mean": float(probability.mean()),
            "came_true": float(is_true.mean()),
            **{f"error_{kind}": curve.error for kind, curve in curves.items()},
            "curve": [one.tolist() for one in (curves["equal_mass"].predicted, curves["equal_mass"].came_true)],
        }
    for name, select in (("next", False), ("next_after_right_link", True)):
        values = [movie["next"][movie["next"][:, 1] > 0] if select else movie["next"] for movie in movies]
        result[name] = _covered([one[:, 0] for one in values], movies)
    result["gap"] = {**_covered([movie["gap"] for movie in movies], movies), "n_all": _sum(movies, "n_gap")}
    return result


def _covered(distances: Sequence[np.ndarray], movies: Sequence[Compared]) -> dict[str, Any]:
    """Coverage over movies that may differ in their number of axes."""
    shares = [coverage(one, int(movie["n_axes"])) for one, movie in zip(distances, movies, strict=True)]
    n = sum(map(len, distances))
    inside = sum(share * len(one) for share, one in zip(shares, distances, strict=True) if len(one))
    return {"n": n, "coverage": inside / n if n else None}


def _sum(movies: Sequence[Compared], name: str) -> int:
    return int(sum(movie[name] for movie in movies))


def _tables(results: dict[str, dict[str, Any]], seeds: Sequence[int]) -> str:
    rows, others = [], []
    for condition, cells in results.items():
        for cell, one in cells.items():
            link, after, gap = one["link"], one["next"], one["gap"]
            rows.append(
                [
                    *(condition, cell, f"{link['n']:,}", f"{short(link['mean'])} / {short(link['came_true'])}"),
                    _marked(link["error_equal_mass"], 0, MOST_ERROR),
                    short(link["error_equal_width"]),
                    *(f"{after['n']:,}", _marked(after["coverage"], LEAST_COVERAGE, MOST_COVERAGE)),
                    *(f"{gap['n']:,}", _marked(gap["coverage"], LEAST_COVERAGE, MOST_COVERAGE)),
                ]
            )
            row = [condition, cell]
            for name in list(PROBABILITIES)[1:]:
                of = one[name]
                row += [f"{of['n']:,}", f"{short(of['mean'])} / {short(of['came_true'])}"]
                row += [short(of["error_equal_mass"])]
            others.append([*row, short(one["next_after_right_link"]["coverage"] or float("nan"))])
    header = ["condition", "cell", "links", "mean probability / right", "ECE, equal mass", "ECE, equal width"]
    header += ["next positions", "in their 95 percent", "gap positions", "in their 95 percent"]
    other = ["condition", "cell"]
    for name in list(PROBABILITIES)[1:]:
        other += [PROBABILITIES[name], "mean / true", "ECE, equal mass"]
    note = (
        f"Seeds {', '.join(map(str, seeds))}. ECE: expected calibration error over ten bins, of equal mass or of equal "
        "width. A link is right if both of its spots are of one particle; a gap's position counts where the link is "
        "right. Bold: outside the bar."
    )
    return "\n\n".join([note, markdown(header, rows), markdown([*other, "next after a right link"], others)]) + "\n"


def _marked(value: float | None, low: float, high: float) -> str:
    if value is None:
        return "-"
    return short(value) if low <= value <= high else f"**{short(value)}**"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add: Callable[..., Any] = parser.add_argument
    add("--cache", type=Path, required=True, help="folder that keeps all that was computed; that of tracking_peers.py")
    add("--scenarios", nargs="+", default=["vesicle", "receptor", "microtubule", "virus"])
    add("--densities", nargs="+", default=["low", "mid", "high"])
    add("--shifted-densities", nargs="+", default=["mid"], help="those that are measured in the other conditions")
    add("--snr", nargs="+", type=float, default=[4.0])
    add("--seeds", nargs="+", type=int, default=[2001, 2002])
    add("--conditions", nargs="+", default=list(CONDITIONS), choices=list(CONDITIONS))
    add("--frames", type=int, default=100)
    add("--size", type=int, help="side of a frame in pixels; the scenario's own if not given")
    add("--weights", type=Path, default=SHIPPED, help="of the recurrent tracker; those that are shipped if not given")
    return parser


if __name__ == "__main__":
    main()
