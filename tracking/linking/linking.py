from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class GapPoints:
    """Where particles are expected in the frames in which they were missed: g places in d dimensions.

    Attributes:
        frame: Frame of each, int64, shape ``(g,)``.
        particle: Particle of each, int64, shape ``(g,)``.
        position: In the order and the units of a frame's axes, z in slices, shape ``(g, d)``.
        covariance: Of the position's error, in the same units squared, shape ``(g, d, d)``.
    """

    frame: np.ndarray
    particle: np.ndarray
    position: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True, eq=False)
class Linking:
    """Which spots are one particle, and how sure that is where the method tells it: n spots, k particles.

    Attributes:
        particle: Particle of every spot, int64, shape ``(n,)``, numbered from 0 in the order of their first spots.
        parents: The particles from which a particle comes by a split or a merge, as in `tracking.tracks.Tracks`.
        search_radius: The radius that was used, in pixels: given, or estimated from the spots; NaN where there was
            nothing to link, or too little to estimate it from. The recurrent tracker only begins with it.
        max_gap: Frames in a row that a particle could stay undetected; None where nothing was linked and nothing given.
        link_probability: Of the link that leads to every spot, NaN for the first of a particle, shape ``(n,)``;
            recurrent only, as are all that follow, and None otherwise.
        track_probability: That each particle is one and no false detections: the mean of that probability over its
            spots, shape ``(k,)``.
        gaps: Where particles are expected inside their tracks' gaps.
        scale: Root mean square displacement between two frames, in pixels, as found; NaN if unknown.
        density: Spots expected within one ``scale`` of any place; NaN if unknown.
    """

    particle: np.ndarray
    parents: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    search_radius: float = float("nan")
    max_gap: int | None = None
    link_probability: np.ndarray | None = None
    track_probability: np.ndarray | None = None
    gaps: GapPoints | None = None
    scale: float = float("nan")
    density: float = float("nan")
