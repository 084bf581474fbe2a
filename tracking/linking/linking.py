from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Linking:
    """Which spots are one particle.

    Attributes:
        particle: Particle of every spot, int64, shape ``(n,)``, numbered from 0 in the order of their first spots.
        parents: The particles from which a particle comes by a split or a merge, as in `tracking.tracks.Tracks`.
        search_radius: The radius that was used, in pixels: given, or estimated from the spots; NaN where there was
            nothing to link, or too little to estimate it from.
    """

    particle: np.ndarray
    parents: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    search_radius: float = float("nan")
