from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from tracking.best_matching import best_matching
from tracking.metrics.close_pairs import close_pairs

# How far a spot may lie from its particle, and up to where pairs of particles are looked at, in spots' sigmas.
GATE, PAIRS = 3.0, 7.0
# Distances in sigmas at which neighbours are compared.
BINS = np.arange(0.0, PAIRS + 0.01, 0.5)
# Median absolute value of a standard normal variable.
MEDIAN_ABSOLUTE = 0.6745


@dataclass(frozen=True, eq=False)
class FoundSpots:
    """How well a detector finds the particles of a simulated movie.

    Attributes:
        detected: Share of the particles that show and have no near neighbour which are found.
        false: Spots that are no particle, per particle.
        error: Standard deviation of the positions along every axis, in pixels, shape ``(d,)``.
        resolution: Distance in pixels below which two particles are mostly found as one.
    """

    detected: float
    false: float
    error: np.ndarray
    resolution: float


def found_spots(truth: pd.DataFrame, spots: pd.DataFrame, sigma: float, z_spacing: float, hidden: float) -> FoundSpots:
    """Compare detections with the truth.

    Args:
        truth: True spots, hidden ones too.
        spots: Detections.
        sigma: Standard deviation of a spot in pixels.
        z_spacing: Pixels per slice.
        hidden: Probability that a particle shows no light.
    """
    axes = ["z", "y", "x"] if "z" in truth else ["y", "x"]
    spacing = np.array([z_spacing, 1.0, 1.0])[-len(axes) :]
    true, seen = truth[["frame", *axes]].copy(), spots[["frame", *axes]].copy()
    true[axes], seen[axes] = true[axes] * spacing, seen[axes] * spacing
    gate = max(GATE * sigma, 1.5)
    i, j, distance = close_pairs(true, seen, gate)
    chosen = best_matching(i, j, 2 - distance / gate)
    is_found = np.zeros(len(true), bool)
    is_found[i[chosen]] = True
    apart = seen[axes].to_numpy()[j[chosen]] - true[axes].to_numpy()[i[chosen]]
    error = np.median(np.abs(apart), axis=0) / MEDIAN_ABSOLUTE if len(apart) > 10 else np.full(len(axes), 0.2 * sigma)
    lone, resolution = _neighbours(true, axes, is_found, sigma)
    shown = 1 - hidden
    detected = float(is_found[lone].mean()) if lone.sum() > 20 else float(is_found.mean())
    return FoundSpots(
        detected=float(np.clip(detected / shown, 0.05, 0.999)) * shown,
        false=(len(seen) - len(chosen)) / max(len(true), 1),
        error=np.maximum(error, 0.01),
        resolution=resolution,
    )


def _neighbours(true: pd.DataFrame, axes: list[str], is_found: np.ndarray, sigma: float) -> tuple[np.ndarray, float]:
    """Which particles are far from others, and the distance at which both of a pair are found half as often."""
    reach = PAIRS * sigma
    position = true[axes].to_numpy()
    points = np.hstack([2 * reach * true["frame"].to_numpy()[:, None], position])
    pairs = cKDTree(points).query_pairs(reach, output_type="ndarray")
    lone = np.ones(len(true), bool)
    lone[pairs.ravel()] = False
    distance = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1) / sigma
    both = (is_found[pairs[:, 0]] & is_found[pairs[:, 1]]).astype(np.float64)
    of = np.digitize(distance, BINS) - 1
    count = np.bincount(of, minlength=len(BINS))[: len(BINS) - 1]
    share = np.bincount(of, both, len(BINS))[: len(BINS) - 1] / np.maximum(count, 1)
    far = share[-4:][count[-4:] > 0]
    if count.sum() < 50 or not len(far) or far.mean() <= 0:
        return lone, 2.5 * sigma
    resolved = np.flatnonzero((share >= 0.5 * far.mean()) & (count > 0))
    return lone, float(BINS[resolved[0]] + 0.25) * sigma if len(resolved) else 2.5 * sigma
