from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from tracking.dpht.cell import States
from tracking.dpht.follow import follow
from tracking.dpht.futures import Futures, futures
from tracking.dpht.network import TrackNetwork
from tracking.dpht.stream import Lesson
from tracking.dpht.vectors import Gaussians

# Weight of the expected positions' log-likelihood, and of telling particles from false detections.
EXPECTED, REAL = 0.5, 0.25


@dataclass
class Losses:
    """Mean loss of each of the network's answers, in nats, and how many links it got right."""

    links: Tensor
    future: Tensor
    expected: Tensor
    real: Tensor
    right: float

    def total(self) -> Tensor:
        """What training minimises."""
        return self.links + 0.5 * self.future + EXPECTED * self.expected + REAL * self.real


def losses(network: TrackNetwork, lesson: Lesson, *, depth: int, width: int) -> Losses:
    """Track a lesson's spots and compare what the network says with the truth, frame by frame.

    The tracks are those the network makes, right or wrong, so that it learns to go on after its own mistakes.
    """
    spots = lesson.spots
    frames = range(int(spots.frame.min()), int(spots.frame.max()) + 1)
    ahead = futures(spots, network, frames, depth=depth, width=width)
    future = [_future_loss(one, lesson) for one in ahead.values() if len(one.source)]
    link, expected, shares, real, right, n_links = [], [], [], [], 0, 0
    previous = np.full(len(spots.frame), -1)
    has_next = np.flatnonzero(lesson.next_spot >= 0)
    previous[lesson.next_spot[has_next]] = has_next
    for one in follow(spots, network, ahead, frames, depth=depth, window=depth if width else 1):
        here = one.spots
        if here.stop == here.start:
            continue
        is_right = one.row == previous[one.column]
        in_frame = (one.column >= here.start) & (one.column < here.stop)
        earlier = one.row < here.start
        # Tracks: the probability of the spot each really goes on to, or of none.
        rows = np.unique(one.row[earlier])
        own = torch.from_numpy(is_right & earlier)
        is_answered = np.zeros(here.start - one.first, bool)
        is_answered[one.row[is_right & earlier] - one.first] = True
        ends = rows[~is_answered[rows - one.first]]
        link.append(-one.log_probability[own])
        link.append(-one.log_end[torch.from_numpy(ends - one.first)])
        # Spots of this frame: none before them where that is the truth.
        columns = np.unique(one.column[in_frame])
        has_before = np.zeros(here.stop - here.start, bool)
        has_before[one.column[in_frame & is_right] - here.start] = True
        begins = columns[~has_before[columns - here.start]]
        link.append(-one.log_begin[torch.from_numpy(begins - one.first)])
        surprise, row = _surprise(one.states, lesson.ahead[here], lesson.is_ahead[here], spots.contexts(here))
        expected.append(surprise)
        shares.append(torch.ones(len(row)))
        truth = torch.from_numpy((lesson.particle[here] >= 0).astype(np.float32))
        real.append(binary_cross_entropy_with_logits(one.log_real, truth, reduction="none"))
        right += int((one.source == previous[here]).sum())
        n_links += len(one.source)
    for after in ahead.values():
        behind, is_behind, context = lesson.behind[after.spot], lesson.is_behind[after.spot], spots.contexts(after.spot)
        surprise, row = _surprise(after.states, behind, is_behind, context)
        shares.append(after.log_weight.detach().exp()[row])
        expected.append(surprise * shares[-1])
    mean_surprise = torch.cat(expected).sum() / torch.cat(shares).sum().clamp(min=1)
    return Losses(_mean(link), _mean(future), mean_surprise, _mean(real), right / max(n_links, 1))


def _future_loss(one: Futures, lesson: Lesson) -> Tensor:
    is_right = lesson.next_spot[one.source] == one.target
    start = int(one.source.min())
    spots = np.unique(one.source)
    answered = np.zeros(int(one.source.max()) - start + 1, bool)
    answered[one.source[is_right] - start] = True
    first = int(lesson.spots.of_frame(int(lesson.spots.frame[one.source[0]])).start)
    none = spots[~answered[spots - start]] - first
    return torch.cat([-one.log_probability[torch.from_numpy(is_right)], -one.log_none[torch.from_numpy(none)]])


def _surprise(states: States, away: np.ndarray, is_there: np.ndarray, context: Tensor) -> tuple[Tensor, Tensor]:
    """Negative log-likelihood of where particles are, of each place that is there, and the state it belongs to."""
    row, step = np.nonzero(is_there)
    rows, steps = torch.from_numpy(row), torch.from_numpy(step)
    expected = Gaussians(states.mean[rows, steps], states.log_variance[rows, steps], context[rows, 0] + 2)
    distance = expected.distance(torch.from_numpy(away[row, step]))
    # A track that went astray is far from its particle: what it says of itself should not hang on that.
    return 0.5 * (distance.clamp(max=60) + expected.log_determinant()), rows


def _mean(parts: list[Tensor]) -> Tensor:
    joined = torch.cat(parts) if parts else torch.zeros(0)
    return joined.sum() / max(len(joined), 1)
