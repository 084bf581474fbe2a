import numpy as np

from tracking.dpht.cell import States
from tracking.dpht.spots import FrameIndex

# How far from the expected place a frame later, in units of the movie's displacement scale. What is expected does not
# narrow this: a particle at rest may set out on a run, of which its place says nothing.
REACH = 3.2
# Spots that are weighed in the next frame, and in each one after it.
NEAREST, NEAREST_LATER = 5, 3


def candidates(
    states: States, position: np.ndarray, movie: np.ndarray, index: FrameIndex, step: int
) -> tuple[np.ndarray, np.ndarray]:
    """Spots of a frame ``step`` frames away that the particles may be at.

    Args:
        states: Of n recurrent cells.
        position: Where each is, shape ``(n, 3)``.
        movie: Of each, shape ``(n,)``.
        index: Of the frame.
        step: How many frames it is away, in the direction of time in which the cells read.

    Returns:
        Numbers of the cell, and of the spot in the movie, of every pair, ordered by cell.
    """
    places = position + states.mean[:, step - 1].detach().numpy()
    return index.near(places, movie, np.full(len(places), REACH * step), NEAREST if step == 1 else NEAREST_LATER)
