from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tracking.dpht.cell import States
from tracking.dpht.gate import candidates
from tracking.dpht.marginals import link_marginals, log_sum_exp
from tracking.dpht.network import TrackNetwork
from tracking.dpht.spots import FrameIndex, Spots

# Hypotheses less probable than this are given up.
LEAST_LOG_PROBABILITY = -6.0
# One of less than this part of an equal share leaves its weight to the spot's other hypotheses.
LEAST_SHARE = 0.4


@dataclass(frozen=True, eq=False)
class Futures:
    """What may become of the spots of a frame.

    Attributes:
        states: Of every hypothesis, ordered by spot; that a spot has no future, if that counts, is the first of its.
        spot: The spot of every hypothesis, shape ``(h,)``.
        log_weight: Logarithm of the probability of every hypothesis, shape ``(h,)``.
        first: Where the hypotheses of each spot begin, and where the last ends, shape ``(n + 1,)``.
        source: Of every possible link from this frame to a later one, its spot, shape ``(m,)``.
        target: The spot the link leads to, shape ``(m,)``.
        log_odds: Of the link, not knowing the past, shape ``(m,)``.
        log_probability: Of the link, shape ``(m,)``.
        log_none: Logarithm of the probability that nothing follows, of every spot of the frame, shape ``(n,)``.
    """

    states: States
    spot: np.ndarray
    log_weight: Tensor
    first: np.ndarray
    source: np.ndarray
    target: np.ndarray
    log_odds: Tensor
    log_probability: Tensor
    log_none: Tensor

    def of(self, spots: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
        """The hypotheses of some spots: for each, which of ``spots`` it is one of, and its row.

        ``start`` is the frame's first spot.
        """
        begin, end = self.first[spots - start], self.first[spots - start + 1]
        count = end - begin
        which = np.repeat(np.arange(len(spots)), count)
        row = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + begin[which]
        return which, row


def futures(
    spots: Spots, network: TrackNetwork, frames: Iterable[int], *, depth: int, width: int
) -> dict[int, Futures]:
    """Hypotheses about the future of every spot, found backwards in time.

    Each spot of a frame may be followed by spots of the next ``depth`` frames, with each of their own hypotheses. Of
    all these the most probable ``width`` are kept, and that nothing follows, but for those that hardly count beside the
    others.

    Args:
        spots: Of the movie, or of several.
        network: Reads futures and judges links.
        frames: Frames to begin and to end with, ascending, without holes.
        depth: Frames that a link may lead ahead.
        width: Hypotheses kept of every spot; with 0 the future stays unknown.
    """
    found: dict[int, Futures] = {}
    # Of every spot, how probable it is that some spot before it is already linked to it.
    claimed: dict[int, Tensor] = {}
    for frame in reversed(list(frames)):
        here = spots.of_frame(frame)
        claimed[frame] = torch.zeros(here.stop - here.start)
        steps = [step for step in range(1, depth + 1) if frame + step in found and width]
        chances = _chances(spots, network, frame, {step: found[frame + step] for step in steps})
        if chances is None:
            found[frame] = _nothing_follows(spots, network, here, width)
            continue
        first = spots.of_frame(frame + 1).start
        taken = torch.cat([claimed[frame + step] for step in steps])
        key, one, inverse = np.unique(
            chances.source * len(spots.frame) + chances.target, return_index=True, return_inverse=True
        )
        # Of all hypotheses of one later spot together: the odds of the link to it.
        of_link = torch.from_numpy(inverse)
        log_odds = log_sum_exp(chances.log_odds, of_link, len(key))
        row, column = chances.source[one], chances.target[one]
        target = torch.from_numpy(column - first)
        log_probability, log_none, _ = link_marginals(
            torch.from_numpy(row - here.start),
            target,
            log_odds + torch.log1p(-taken[target].clamp(max=0.999)),
            here.stop - here.start,
            len(taken),
        )
        taken = taken.index_add(0, target, log_probability.exp())
        for step, part in zip(steps, taken.split([len(claimed[frame + step]) for step in steps]), strict=True):  # type: ignore[no-untyped-call]
            claimed[frame + step] = part
        log_weight = log_probability[of_link] + chances.log_odds - log_odds[of_link]
        states, spot, weight = _kept(spots, network, here, chances, log_weight, log_none, width)
        ends = np.searchsorted(spot, np.arange(here.start, here.stop + 1))
        found[frame] = Futures(states, spot, weight, ends, row, column, log_odds, log_probability, log_none)
    return found


@dataclass(frozen=True, eq=False)
class _Chances:
    """Links from a frame's spots to hypotheses about later spots, with the states of all these hypotheses."""

    source: np.ndarray
    target: np.ndarray
    states: States
    row: Tensor
    apart: Tensor
    step: Tensor
    log_odds: Tensor


def _chances(spots: Spots, network: TrackNetwork, frame: int, later: dict[int, Futures]) -> _Chances | None:
    index, offset = FrameIndex(spots, frame), 0
    nodes, sources, steps = [], [], []
    for step, after in later.items():
        node, spot = candidates(after.states, spots.position[after.spot], spots.movie[after.spot], index, step)
        nodes.append(node + offset)
        sources.append(spot)
        steps.append(np.full(len(node), step))
        offset += len(after.spot)
    if not sum(map(len, nodes)):
        return None
    node, source = np.concatenate(nodes), np.concatenate(sources)
    target = np.concatenate([after.spot for after in later.values()])[node]
    states = States.join([after.states for after in later.values()])
    apart = torch.from_numpy((spots.position[target] - spots.position[source]).astype(np.float32))
    row, between = torch.from_numpy(node), torch.from_numpy(np.concatenate(steps))
    log_odds = network.future_log_odds(states, row, apart, between, spots.contexts(source))
    log_odds = log_odds + torch.cat([after.log_weight for after in later.values()])[row]
    return _Chances(source, target, states, row, apart, between, log_odds)


def _nothing_follows(spots: Spots, network: TrackNetwork, here: slice, width: int) -> Futures:
    n = here.stop - here.start
    states = (network.future.start if width else network.future.unknown)(spots.contexts(here))
    empty, nothing = np.empty(0, np.int64), torch.zeros(0)
    own = np.arange(here.start, here.stop)
    return Futures(states, own, torch.zeros(n), np.arange(n + 1), empty, empty, nothing, nothing, torch.zeros(n))


def _kept(
    spots: Spots,
    network: TrackNetwork,
    here: slice,
    chances: _Chances,
    log_weight: Tensor,
    log_none: Tensor,
    width: int,
) -> tuple[States, np.ndarray, Tensor]:
    """States, spot and weight of every spot's most probable hypotheses, ordered by spot."""
    n = here.stop - here.start
    best = _best(chances.source, log_weight.detach().numpy(), width)
    # That nothing follows is the first hypothesis of each spot.
    spot = np.concatenate([np.arange(here.start, here.stop), chances.source[best]])
    weight, owner = torch.cat([log_none, log_weight[torch.from_numpy(best)]]), torch.from_numpy(spot - here.start)
    total = log_sum_exp(weight, owner, n)
    is_heavy = (weight - total[owner]).detach().numpy() > np.log(LEAST_SHARE / (width + 1))
    ends, some = np.flatnonzero(is_heavy[:n]), best[is_heavy[n:]]
    kept = torch.from_numpy(some)
    read = network.future.read_spots(
        chances.states.select(chances.row[kept]),
        -chances.apart[kept],
        chances.step[kept],
        spots.contexts(chances.source[some]),
    )
    none = network.future.start(spots.contexts(ends + here.start))
    heavy = np.flatnonzero(is_heavy)
    order = np.argsort(spot[heavy], kind="stable")
    states = States.join([none, read]).select(torch.from_numpy(order))
    heavy = heavy[order]
    weight, owner = weight[torch.from_numpy(heavy)], owner[torch.from_numpy(heavy)]
    return states, spot[heavy], weight + (total - log_sum_exp(weight, owner, n))[owner]


def _best(group: np.ndarray, values: np.ndarray, most: int) -> np.ndarray:
    """Indices of the ``most`` greatest values of every group that are not negligible."""
    likely = np.flatnonzero(values > LEAST_LOG_PROBABILITY)
    order = likely[np.lexsort((-values[likely], group[likely]))]
    ordered = group[order]
    chosen: np.ndarray = order[np.arange(len(order)) - np.searchsorted(ordered, ordered) < most]
    return chosen
