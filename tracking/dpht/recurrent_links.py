from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class RecurrentLinks:
    """Spots linked by the recurrent tracker, and what it thinks of them. n spots in d dimensions.

    Attributes:
        source: For every spot the spot its particle was at before, -1 for none, shape ``(n,)``.
        link_probability: Of that link; NaN for the first spot of a particle, shape ``(n,)``.
        existence: Probability that the particle is seen again within the next ``depth`` frames; NaN for the spots of
            the last frame, shape ``(n,)``.
        real: Probability that the spot is a particle and no false detection, shape ``(n,)``.
        gap_frame: Frame of every place inside a track at which its particle was missed, shape ``(g,)``.
        gap_spot: The spot after the gap, shape ``(g,)``.
        gap_position: Where the particle is expected there, from both sides, in pixels, shape ``(g, d)``.
        gap_covariance: Of that expectation, in square pixels, shape ``(g, d, d)``.
        scale: Root mean square displacement between two frames, in pixels, by which all lengths were divided.
        depth: Frames that a link could lead ahead.
        context: What the network was told of the movie, shape ``(N_MOVIE,)``.
        branches: Links beside these by which tracks split and merge, as indices of spots, earlier one first, shape
            ``(b, 2)``; none where they were not looked for.
        branch_probability: Of each, shape ``(b,)``.
    """

    source: np.ndarray
    link_probability: np.ndarray
    existence: np.ndarray
    real: np.ndarray
    gap_frame: np.ndarray
    gap_spot: np.ndarray
    gap_position: np.ndarray
    gap_covariance: np.ndarray
    scale: float
    depth: int
    context: np.ndarray
    branches: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))
    branch_probability: np.ndarray = field(default_factory=lambda: np.empty(0))

    @property
    def links(self) -> np.ndarray:
        """Links as indices of spots, earlier one first, shape ``(m, 2)``."""
        later = np.flatnonzero(self.source >= 0)
        return np.stack([self.source[later], later], axis=1)
