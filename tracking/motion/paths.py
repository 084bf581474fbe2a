from dataclasses import dataclass

import numpy as np

from tracking.motion.units import axis_scales
from tracking.tracks import Tracks


@dataclass(frozen=True, eq=False)
class Paths:
    """Where particles were seen, particle by particle and in the order of time.

    Attributes:
        particles: number of each particle, ascending, shape ``(p,)``.
        code: index into ``particles`` of every spot, shape ``(n,)``, ascending.
        frame: frame of every spot, shape ``(n,)``, ascending within a particle.
        positions: in micrometres, in the order of a frame's axes, shape ``(n, 2)`` or ``(n, 3)``.
    """

    particles: np.ndarray
    code: np.ndarray
    frame: np.ndarray
    positions: np.ndarray

    @property
    def n_particles(self) -> int:
        """How many particles there are."""
        return len(self.particles)

    @property
    def n_spots(self) -> np.ndarray:
        """Number of spots of each particle, shape ``(p,)``."""
        return np.bincount(self.code, minlength=self.n_particles)

    @property
    def starts(self) -> np.ndarray:
        """Row of each particle's first spot, and the number of rows at the end, shape ``(p + 1,)``."""
        return np.concatenate(([0], np.cumsum(self.n_spots)))

    @property
    def spans(self) -> np.ndarray:
        """Frames from each particle's first spot to its last, shape ``(p,)``."""
        starts = self.starts
        spans: np.ndarray = self.frame[starts[1:] - 1] - self.frame[starts[:-1]]
        return spans

    def of_particles(self, chosen: np.ndarray) -> "Paths":
        """Only the particles where ``chosen``, a boolean array of shape ``(p,)``, is True."""
        kept = chosen[self.code]
        code = (np.cumsum(chosen) - 1)[self.code[kept]]
        return Paths(self.particles[chosen], code, self.frame[kept], self.positions[kept])


def measured_paths(tracks: Tracks, pixel_size: float | None, z_step: float | None = None) -> Paths:
    """Paths of all particles in micrometres, without spots that were not measured.

    An interpolated spot lies on the straight line between its neighbours: counted as a measurement it would make
    particles look slower than they are.

    Raises:
        TrackingError: the pixel size, or in three dimensions the distance of the slices, is unknown or not positive.
    """
    scales = axis_scales(tracks, pixel_size, z_step)
    spots = tracks.spots
    if "virtual" in spots:
        spots = spots[~spots["virtual"].to_numpy()]
    particle, frame = spots["particle"].to_numpy(), spots["frame"].to_numpy()
    order = np.lexsort((frame, particle))
    particles, code = np.unique(particle[order], return_inverse=True)
    positions = np.stack([spots[axis].to_numpy(np.float64)[order] for axis in tracks.axes], axis=1) * scales
    return Paths(particles, code, frame[order], positions)
