import numpy as np
import torch

from tracking.dpht.cell import States
from tracking.dpht.spots import FrameIndex

# Standard deviations of what is expected, and bounds in units of the movie's displacement scale for one frame.
DEVIATIONS = 4.5
LEAST, MOST = 0.6, 3.2
NEAREST = 6


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
    with torch.no_grad():
        reach = DEVIATIONS * states.log_variance[:, step - 1].exp().sum(dim=1).sqrt()
        reach = reach.clamp(LEAST * step**0.5, MOST * step)
    places = position + states.mean[:, step - 1].detach().numpy()
    return index.near(places, movie, reach.numpy(), NEAREST)
