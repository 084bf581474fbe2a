"""Simulated movies as the benchmark of trackers keeps them: what was detected, and the truth."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import tracking
from tracking.atomic import atomic_path
from tracking.detection import DetectionOptions, prepare_detector
from tracking.gaps import fill_gaps
from tracking.metrics import score_detections, score_tracks
from tracking.simulation import simulate
from tracking.tracks import Tracks


def digest(*contents: bytes) -> str:
    """Sixteen letters that stand for the contents."""
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:16]


def source_digest(*parts: str) -> str:
    """Of the package's own source, so that nothing is reused of what older code made."""
    root = Path(tracking.__file__).parent
    files = [file for part in parts for file in sorted((root / part).rglob("*.py"))]
    return digest(*(file.read_bytes() for file in files))


# Of the code that is imported now, whatever becomes of the files while it runs.
SOURCE = source_digest("simulation", "detection")


@dataclass(frozen=True)
class Cell:
    """Movies of one kind; ``size`` is the side of a frame in pixels, None for the scenario's own."""

    scenario: str
    density: str
    snr: float
    size: int | None = None

    @property
    def name(self) -> str:
        """Part of file names."""
        return f"{self.scenario}-{self.density}-{self.snr:g}"

    def __str__(self) -> str:
        return f"{self.scenario} {self.density}, SNR {self.snr:g}"


class PeerMovie:
    """What is kept of a movie in one file, of which linkers read ``frame`` and ``pixels``.

    Positions are in the order of a frame's axes: ``position`` in pixels and slices, as files and measures have them,
    and ``pixels`` with z in pixels too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with np.load(path) as file:
            self.arrays = dict(file)
        self.n_spots = len(self.arrays["frame"])
        self.digest = digest(*(self.arrays[name].tobytes() for name in ("frame", "position")))
        self.truth_digest = digest(*(self.arrays[f"truth_{name}"].tobytes() for name in ("frame", "position")))
        self.detection: dict[str, float] = json.loads(str(self.arrays["detection"]))

    def score(self, particle: np.ndarray) -> dict[str, float | int | None]:
        """Measures of a linking, shape (n,) and -1 for no particle, without tracks of one spot and with gaps filled."""
        kept = particle >= 0
        kept[kept] = np.bincount(particle[kept])[particle[kept]] > 1
        spots = _table(self.arrays["frame"][kept], self.arrays["position"][kept], particle[kept])
        truth = _table(*(self.arrays[f"truth_{name}"] for name in ("frame", "position", "particle")))
        return score_tracks(Tracks.create(truth), fill_gaps(Tracks.create(spots))).to_dict()


def peer_movie(cache: Path, cell: Cell, seed: int, n_frames: int, say: Callable[[str], None]) -> PeerMovie:
    """The movie from the cache; else it is simulated and its spots are detected, as they are by default."""
    name = digest(json.dumps([asdict(cell), seed, n_frames, SOURCE]).encode())
    path = cache / "movies" / f"{cell.name}-{seed}-{name}.npz"
    if not path.exists():
        say(f"{cell}, seed {seed}: simulating and detecting {n_frames} frames")
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as partial:
            np.savez_compressed(partial, **_arrays(cell, seed, n_frames))
    return PeerMovie(path)


def _arrays(cell: Cell, seed: int, n_frames: int) -> dict[str, np.ndarray]:
    overrides: dict[str, object] = {"n_frames": n_frames}
    if cell.size:
        z = (10,) if cell.scenario == "virus" else ()
        overrides["frame_shape"] = (*z, cell.size, cell.size)
    movie = simulate(cell.scenario, density=cell.density, snr=cell.snr, seed=seed, overrides=overrides)
    sample = np.unique(np.linspace(0, n_frames - 1, 10).round().astype(int))
    # On the processor: a benchmark gives the same on every machine.
    detector = prepare_detector([movie.frame(int(index)) for index in sample], DetectionOptions(device="cpu"))
    start = os.times()
    spots = pd.concat([detector.detect(movie.frame(t)).assign(frame=t) for t in range(n_frames)], ignore_index=True)
    end = os.times()
    truth, axes = movie.truth.spots, list(movie.truth.axes)
    score = score_detections(truth, spots).to_dict()
    scale = np.array([movie.options.z_spacing, 1.0, 1.0])[-len(axes) :]
    detection = {name: score[name] for name in ("precision", "recall", "jsc", "rmse")}
    detection["seconds"] = end.user - start.user  # drawing the frames included
    return {
        "frame": spots["frame"].to_numpy(np.int64),
        "position": spots[axes].to_numpy(np.float64),
        "pixels": spots[axes].to_numpy(np.float64) * scale,
        "truth_frame": truth["frame"].to_numpy(),
        "truth_particle": truth["particle"].to_numpy(),
        "truth_position": movie.truth.positions(),
        "simulation": np.array(json.dumps(movie.options.model_dump(mode="json"))),
        "detection": np.array(json.dumps(detection)),
    }


def _table(frame: np.ndarray, position: np.ndarray, particle: np.ndarray) -> pd.DataFrame:
    axes = ["z", "y", "x"][-position.shape[1] :]
    return pd.DataFrame(position, columns=axes).assign(frame=frame, particle=particle)
