"""Links of this package and references that know the truth; serves them as ``peer_links.py`` does the peers'."""

import json

import numpy as np
import pandas as pd
from kalman_tracker import Population, link_kalman, motion_modes
from peer_links import Linker, Options, Spots, serve

from tracking.best_matching import best_matching
from tracking.linking import LinkingOptions, link
from tracking.metrics.close_pairs import close_pairs

GATE = 5.0


def link_own(spots: Spots, options: Options) -> np.ndarray:
    """This package's linkers; without options as they are by default, ``search_radius`` estimated from the spots."""
    values = dict(options)
    if "gap_share" in values:
        values["gap_radius"] = values.pop("gap_share") * values["search_radius"]
    return link(spots["frame"], spots["pixels"], LinkingOptions(**values)).particle


def link_perfectly(spots: Spots, options: Options) -> np.ndarray:
    """Detections matched one to one with the true positions of their frame, and linked as the truth says."""
    true, found = _true_matches(spots)
    particle = np.full(len(spots["frame"]), -1)
    particle[found] = spots["truth_particle"][true]
    return particle


def link_with_true_motion(spots: Spots, options: Options) -> np.ndarray:
    """The Kalman filter with the movie's motion, births, deaths, missed and false detections and position errors."""
    frame, pixels = spots["frame"], spots["pixels"]
    simulation = json.loads(str(spots["simulation"]))
    scale = _scale(simulation, pixels.shape[1])
    true, found = _true_matches(spots)
    truth_frame, truth_pixels = spots["truth_frame"], spots["truth_position"] * scale
    n_frames, first, particles = simulation["n_frames"], (truth_frame == 0).sum(), spots["truth_particle"]
    steps = np.diff(truth_pixels[np.lexsort((truth_frame, particles))], axis=0)[np.diff(np.sort(particles)) == 0]
    n_tracks, n_last = len(np.unique(particles)), (truth_frame == n_frames - 1).sum()
    # Pairs far apart are mostly not of one spot.
    near = np.abs(truth_pixels[true] - pixels[found]).max(axis=1) < 2
    population = Population(
        survival=len(steps) / max(len(truth_frame) - n_last, 1),
        detection=min(len(true) / len(truth_frame), 0.999),
        first=float(first),
        births=max((n_tracks - first) / max(n_frames - 1, 1), 1e-3),
        clutter=max((len(frame) - len(found)) / n_frames, 1e-3),
        volume=float(np.prod(np.array(simulation["frame_shape"]) * scale)),
        error=((truth_pixels[true] - pixels[found])[near] ** 2).mean(axis=0),
    )
    return link_kalman(frame, pixels, motion_modes(simulation["motion"], len(scale), steps.mean(axis=0)), population)


def _true_matches(spots: Spots) -> tuple[np.ndarray, np.ndarray]:
    true, found, distance = close_pairs(
        _table(spots["truth_frame"], spots["truth_position"]), _table(spots["frame"], spots["position"]), GATE
    )
    chosen = best_matching(true, found, 2 * GATE - distance)
    return true[chosen], found[chosen]


def _table(frame: np.ndarray, position: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(position, columns=["z", "y", "x"][-position.shape[1] :]).assign(frame=frame)


def _scale(simulation: Options, n_axes: int) -> np.ndarray:
    return np.array([simulation["z_spacing"], 1.0, 1.0])[-n_axes:]


LINKERS: dict[str, Linker] = {
    "nearest": link_own,
    "lap": link_own,
    "lap-tuned": link_own,
    "kalman": link_with_true_motion,
    "perfect": link_perfectly,
}


if __name__ == "__main__":
    serve(LINKERS)
