from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Steps:
    """Displacements from one frame to the next, run after run; a run is a track as far as it has no gap.

    Attributes:
        displacement: In pixels, shape ``(m, d)``.
        run: Number of the run of each, ascending, shape ``(m,)``. Within a run they are in the order of time.
    """

    displacement: np.ndarray
    run: np.ndarray

    def __len__(self) -> int:
        return len(self.run)

    def pairs(self, apart: int) -> np.ndarray:
        """Rows of the steps that have another ``apart`` frames later in their run."""
        return np.flatnonzero(self.run[apart:] == self.run[:-apart]) if len(self) > apart else np.empty(0, np.int64)

    def select(self, keep: np.ndarray) -> "Steps":
        """Those where ``keep`` is True, which must be so for whole runs."""
        return Steps(self.displacement[keep], self.run[keep])


def steps_of_tracks(frame: np.ndarray, particle: np.ndarray, position: np.ndarray) -> Steps:
    """Steps of tracks.

    Args:
        frame: Frame of every spot, shape ``(n,)``.
        particle: Its particle, -1 for none, shape ``(n,)``.
        position: In pixels along every axis, shape ``(n, d)``.
    """
    order = np.lexsort((frame, particle))
    order = order[particle[order] >= 0]
    is_step = (np.diff(particle[order]) == 0) & (np.diff(frame[order]) == 1)
    # A run ends where the spot is followed by a gap or by another particle.
    run = np.concatenate([[0], np.cumsum(~is_step)])[: len(is_step)]
    return Steps(np.diff(position[order], axis=0)[is_step], run[is_step])
