"""Trackers at work on one kind of movie, with everything kept that was computed."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from peer_movies import UNSHIFTED, Cell, PeerMovie, Shift, digest, peer_movie, source_digest
from peer_tables import PEERS, RECURRENT, Record
from peer_worker import PeerWorker

from tracking.atomic import atomic_path

FOLDER = Path(__file__).resolve().parent
SHIPPED = FOLDER.parents[1] / "bundles" / "particle_tracker" / "models" / "model.pt"


def program(method: str) -> str:
    """The program of a peer; empty for this package's own linkers and the references."""
    return method.partition("-")[0] if method in PEERS else ""


@dataclass(frozen=True)
class Programs:
    """Where trackers are found: the pythons of the peers' environments, and the recurrent tracker's weights."""

    pythons: dict[str, str]
    weights: Path

    def has(self, method: str) -> bool:
        """Whether the environment of a method is named."""
        return not program(method) or program(method) in self.pythons

    def command(self, method: str) -> list[str]:
        """What starts a process that answers as ``peer_links.py`` does."""
        if name := program(method):
            return [self.pythons[name], str(FOLDER / "peer_links.py")]
        if method in RECURRENT:
            return [sys.executable, str(FOLDER / "own_recurrent.py"), "--weights", str(self.weights)]
        return [sys.executable, str(FOLDER / "own_links.py")]

    def version(self, method: str) -> str:
        """Of a peer's program, or of the files that do the linking."""
        if name := program(method):
            code = f"from importlib.metadata import version; print(version({name!r}))"
            return _printed((self.pythons[name], "-c", code))
        if method in RECURRENT:
            if not self.weights.exists():
                sys.exit(f"there are no weights at {self.weights}: name a file with --weights")
            return _printed((*self.command("recurrent"), "--version"))
        files = [FOLDER / "own_links.py", *([FOLDER / "kalman_tracker.py"] if method == "kalman" else [])]
        linking = source_digest("linking") if method in ("nearest", "lap", "lap-tuned") else ""
        return digest(linking.encode(), *(file.read_bytes() for file in files))


class Measure:
    """Links and scores a movie of one cell with one tracker, or finds in the cache what came of it before."""

    def __init__(
        self, folder: Path, cell: Cell, method: str, worker: PeerWorker, version: str, shift: Shift = UNSHIFTED
    ) -> None:
        self.folder, self.cell, self.method, self.worker, self.version = folder, cell, method, worker, version
        self.shift = shift
        self.movies: dict[tuple[int, int], PeerMovie] = {}
        self.n_computed = 0

    def __call__(self, seed: int, n_frames: int, ranked: Sequence[dict[str, Any]], limit: float) -> Record:
        """The result with the first of the ``ranked`` settings that does not fail on this movie."""
        failures = []
        for options in ranked:
            record = self._with(seed, n_frames, options, limit)
            if not record["failure"]:
                break
            failures.append(record["failure"])
        return {**record, "failures_before": failures}

    def _with(self, seed: int, n_frames: int, options: dict[str, Any], limit: float) -> Record:
        if (seed, n_frames) not in self.movies:
            self.movies[seed, n_frames] = peer_movie(self.folder, self.cell, seed, n_frames, say, self.shift)
        movie = self.movies[seed, n_frames]
        what = {"cell": asdict(self.cell), "seed": seed, "n_frames": n_frames, "method": self.method}
        what |= {"options": options, "version": self.version, "spots": movie.digest, "truth": movie.truth_digest}
        path = self.folder / "linkings" / f"{digest(json.dumps(what, sort_keys=True).encode())}.json"
        if path.exists():
            return dict(json.loads(path.read_text(encoding="utf-8")))
        links = self.worker.link(movie.path, self.method, options, limit)
        scores = None if links.particle is None else movie.score(links.particle)
        measured = {"seconds": links.seconds, "failure": links.failure, "scores": scores}
        record = {**what, "cell": str(self.cell), "n_spots": movie.n_spots, "detection": movie.detection, **measured}
        write(path, json.dumps(record, indent=1))
        self.n_computed += 1
        return record


def result_path(folder: Path, cell: Cell, n_frames: int, method: str, seed: int) -> Path:
    """Where the result of a tracker on a movie of the grid is kept, with the options chosen for it."""
    movies = digest(json.dumps([asdict(cell), n_frames]).encode())
    return folder / "results" / f"{cell.name}-{method}-{seed}-{movies}.json"


def write(path: Path, text: str) -> None:
    """Write a file and the folders above it, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")


def say(text: str) -> None:
    """What is going on, with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


@cache
def _printed(command: tuple[str, ...]) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
