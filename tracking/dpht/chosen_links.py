import numpy as np
import torch
from torch import Tensor

from tracking.dpht.follow import follow
from tracking.dpht.futures import futures
from tracking.dpht.network import TrackNetwork
from tracking.dpht.stream import Lesson


def chosen_links(network: TrackNetwork, lesson: Lesson, *, depth: int, width: int) -> tuple[Tensor, Tensor]:
    """The links the tracker makes of a lesson's spots, and whether they are right.

    Args:
        network: Reads tracks and judges links.
        lesson: Spots, and the truth about them.
        depth: As `link_recurrent` takes it.
        width: As `link_recurrent` takes it.

    Returns:
        Probability of every link, and 1 where its two spots are successive spots of one particle, else 0; both of
        shape ``(m,)``.
    """
    spots = lesson.spots
    frames = range(int(spots.frame.min()), int(spots.frame.max()) + 1)
    previous = np.full(len(spots.frame), -1)
    has_next = np.flatnonzero(lesson.next_spot >= 0)
    previous[lesson.next_spot[has_next]] = has_next
    probability, is_right = [torch.zeros(0)], [torch.zeros(0)]
    with torch.inference_mode():
        ahead = futures(spots, network, frames, depth=depth, width=width)
        for one in follow(spots, network, ahead, frames, depth=depth, window=depth if width else 1):
            linked = np.flatnonzero(one.source >= 0)
            probability.append(one.log_link[torch.from_numpy(linked)].exp())
            is_right.append(torch.from_numpy(one.source[linked] == previous[one.spots][linked]).float())
    return torch.cat(probability), torch.cat(is_right)
