"""Simulated movies as the benchmark of trackers keeps them: what was detected, and the truth."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

import tracking
from tracking.atomic import atomic_path
from tracking.detection import DetectionOptions, prepare_detector
from tracking.gaps import fill_gaps
from tracking.metrics import score_detections, score_tracks
from tracking.simulation import Simulation, SimulationOptions, scenario_options
from tracking.tracks import Tracks


def digest(*contents: bytes) -> str:
    """Sixteen letters that stand for the contents."""
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:16]


def source_digest(*parts: str) -> str:
    """Of the package's own source, so that nothing is reused of what older code made."""
    root = Path(tracking.__file__).parent
    files = [file for part in parts for file in sorted((root / part).rglob("*.py"))]
    return digest(*(file.read_bytes() for file in files))


# Options of a motion that are lengths, or lengths per frame.
LENGTHS = ("step", "speed", "velocity", "acceleration", "radius")
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


@dataclass(frozen=True)
class Shift:
    """How movies differ from those of their cell.

    Attributes:
        density: Times as many particles.
        speed: Times as long displacements, all of them.
        false: Times as many false detections; what is added lies anywhere in the field.
        added: False detections added likewise, for every detection.
    """

    density: float = 1.0
    speed: float = 1.0
    false: float = 1.0
    added: float = 0.0

    @property
    def name(self) -> str:
        """Part of file names."""
        return "-".join(f"{name}{value:g}" for name, value in asdict(self).items() if value != getattr(UNSHIFTED, name))


UNSHIFTED = Shift()


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


def peer_movie(
    cache: Path, cell: Cell, seed: int, n_frames: int, say: Callable[[str], None], shift: Shift = UNSHIFTED
) -> PeerMovie:
    """The movie from the cache; else it is simulated and its spots are detected, as they are by default."""
    what = [asdict(cell), seed, n_frames, SOURCE, *([asdict(shift)] if shift != UNSHIFTED else [])]
    kind = "-".join(filter(None, [cell.name, shift.name]))
    path = cache / "movies" / f"{kind}-{seed}-{digest(json.dumps(what).encode())}.npz"
    if not path.exists():
        moved = replace(shift, false=1.0, added=0.0)
        if moved != shift:
            arrays = _with_false(peer_movie(cache, cell, seed, n_frames, say, moved), shift, seed)
        else:
            say(f"{kind}, seed {seed}: simulating and detecting {n_frames} frames")
            arrays = _arrays(_options(cell, n_frames, shift), seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as partial:
            np.savez_compressed(partial, **arrays)
    return PeerMovie(path)


def _options(cell: Cell, n_frames: int, shift: Shift) -> SimulationOptions:
    overrides: dict[str, object] = {"n_frames": n_frames}
    if cell.size:
        z = (10,) if cell.scenario == "virus" else ()
        overrides["frame_shape"] = (*z, cell.size, cell.size)
    options = scenario_options(cell.scenario, density=cell.density, snr=cell.snr, overrides=overrides)
    motion = {
        name: tuple(shift.speed * bound for bound in value) if name in LENGTHS else value
        for name, value in options.motion.model_dump().items()
    }
    particles = shift.density * options.particles_per_frame
    return SimulationOptions(**{**options.model_dump(), "motion": motion, "particles_per_frame": particles})


def _arrays(options: SimulationOptions, seed: int) -> dict[str, np.ndarray]:
    movie, n_frames = Simulation.create(options, seed), options.n_frames
    sample = np.unique(np.linspace(0, n_frames - 1, 10).round().astype(int))
    # On the processor: a benchmark gives the same on every machine.
    detector = prepare_detector([movie.frame(int(index)) for index in sample], DetectionOptions(device="cpu"))
    start = os.times()
    spots = pd.concat([detector.detect(movie.frame(t)).assign(frame=t) for t in range(n_frames)], ignore_index=True)
    end = os.times()
    truth, axes = movie.truth.spots, list(movie.truth.axes)
    scale = np.array([options.z_spacing, 1.0, 1.0])[-len(axes) :]
    seconds = end.user - start.user  # drawing the frames included
    return {
        "frame": spots["frame"].to_numpy(np.int64),
        "position": spots[axes].to_numpy(np.float64),
        "pixels": spots[axes].to_numpy(np.float64) * scale,
        "truth_frame": truth["frame"].to_numpy(),
        "truth_particle": truth["particle"].to_numpy(),
        "truth_position": movie.truth.positions(),
        "simulation": np.array(json.dumps(options.model_dump(mode="json"))),
        "detection": np.array(json.dumps({**_detected(truth, spots), "seconds": seconds})),
    }


def _detected(truth: pd.DataFrame, spots: pd.DataFrame) -> dict[str, float]:
    score = score_detections(truth, spots).to_dict()
    return {name: score[name] for name in ("precision", "recall", "jsc", "rmse")}


def _with_false(movie: PeerMovie, shift: Shift, seed: int) -> dict[str, np.ndarray]:
    """The movie with more false detections, in any frame and any place."""
    rng = np.random.default_rng([seed, 3])
    arrays, simulation = movie.arrays, json.loads(str(movie.arrays["simulation"]))
    n_false = (1 - movie.detection["precision"]) * movie.n_spots
    n_added = round((shift.false - 1) * n_false + shift.added * movie.n_spots)
    size = np.array(simulation["frame_shape"], np.float64)
    scale = np.array([simulation["z_spacing"], 1.0, 1.0])[-len(size) :]
    frame = np.concatenate([arrays["frame"], rng.integers(0, simulation["n_frames"], n_added)])
    position = np.concatenate([arrays["position"], rng.uniform(-0.5, size - 0.5, (n_added, len(size)))])
    order = np.lexsort((*position.T[::-1], frame))
    frame, position = frame[order], position[order]
    nobody = np.zeros(len(frame), np.int64)
    truth = _table(arrays["truth_frame"], arrays["truth_position"], arrays["truth_particle"])
    detection = {**movie.detection, **_detected(truth, _table(frame, position, nobody))}
    found = {"frame": frame, "position": position, "pixels": position * scale}
    return {**arrays, **found, "detection": np.array(json.dumps(detection))}


def _table(frame: np.ndarray, position: np.ndarray, particle: np.ndarray) -> pd.DataFrame:
    axes = ["z", "y", "x"][-position.shape[1] :]
    return pd.DataFrame(position, columns=axes).assign(frame=frame, particle=particle)
