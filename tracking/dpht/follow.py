from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tracking.best_matching import best_matching
from tracking.dpht.cell import States
from tracking.dpht.futures import Futures
from tracking.dpht.gate import candidates
from tracking.dpht.marginals import link_marginals, log_sum_exp
from tracking.dpht.network import TrackNetwork
from tracking.dpht.spots import FrameIndex, Spots

# Chooses among possible links from their rows, columns and log-odds, as `best_matching` does.
Decide = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Followed:
    """One frame, as the tracks of the frames before it were led on.

    Attributes:
        spots: The frame's spots.
        source: For each the spot its particle was at before, -1 for none, shape ``(n,)``.
        log_link: Logarithm of the probability of that link, 0 where there is none, shape ``(n,)``.
        states: Of the tracks that end at these spots now.
        log_real: Log-odds that each spot is a particle, shape ``(n,)``.
        row: Of every possible link the spot it leaves, shape ``(m,)``; with those between later frames.
        column: The spot it leads to, shape ``(m,)``.
        log_probability: Of every possible link, shape ``(m,)``.
        log_end: Logarithm of the probability of having no further spot, of the spots from ``first`` on.
        log_begin: The same of having none before.
        first: The spot that the first entries of ``log_end`` and ``log_begin`` stand for.
    """

    spots: slice
    source: np.ndarray
    log_link: Tensor
    states: States
    log_real: Tensor
    row: np.ndarray
    column: np.ndarray
    log_probability: Tensor
    log_end: Tensor
    log_begin: Tensor
    first: int


def follow(
    spots: Spots,
    network: TrackNetwork,
    ahead: Mapping[int, Futures],
    frames: Iterable[int],
    *,
    depth: int,
    window: int,
    decide: Decide = best_matching,
) -> Iterator[Followed]:
    """Lead tracks on from frame to frame.

    In every frame the tracks' possible links to the next ``depth`` frames, and those between these frames, are weighed
    jointly; the best choice of them all is made, and its links to the next frame are kept.

    Args:
        spots: Of the movie, or of several.
        network: Reads tracks and judges links.
        ahead: Hypotheses about the future of the frames, and of ``depth`` more where there are.
        frames: Frames, ascending, without holes.
        depth: Frames that a link may lead ahead.
        window: Frames that are weighed jointly, from 1 for no more than the next one up to ``depth``.
        decide: Chooses among the links of a window.
    """
    past: dict[int, States] = {}
    n = len(spots.frame)
    has_next = np.zeros(n, bool)
    waiting = _Links.none()
    for frame in frames:
        here = spots.of_frame(frame)
        first, last = spots.of_frame(frame - depth).start, spots.of_frame(frame + window - 1).stop
        waiting = waiting.select((waiting.column >= here.start) & ~has_next[waiting.row])
        between = [
            _Links(one.source, one.target, one.log_odds).select(one.target < last)
            for one in (ahead.get(later) for later in range(frame, frame + window - 1))
            if one is not None
        ]
        links = _Links.join([waiting.select(waiting.column < last), *between])
        log_probability, log_end, log_begin = link_marginals(
            torch.from_numpy(links.row - first),
            torch.from_numpy(links.column - first),
            links.log_odds,
            max(last - first, 0),
            max(last - first, 0),
        )
        chosen = decide(links.row, links.column, links.log_odds.detach().double().numpy())
        chosen = chosen[links.column[chosen] < here.stop]
        chosen = chosen[links.row[chosen] < here.start]
        source = np.full(here.stop - here.start, -1)
        source[links.column[chosen] - here.start] = links.row[chosen]
        has_next[links.row[chosen]] = True
        log_link = torch.zeros(len(source)).index_put(
            (torch.from_numpy(links.column[chosen] - here.start),), log_probability[torch.from_numpy(chosen)]
        )
        states = _lead_on(spots, network, past, here, source, frame)
        context = spots.contexts(here)
        past[frame] = states
        past.pop(frame - depth, None)
        waiting = _Links.join([waiting, *_new_links(spots, network, states, ahead, frame, depth)])
        log_real = network.real_log_odds(states, _pooled(ahead[frame], here, network), context)
        yield Followed(
            here,
            source,
            log_link,
            states,
            log_real,
            links.row,
            links.column,
            log_probability,
            log_end,
            log_begin,
            first,
        )


@dataclass(frozen=True, eq=False)
class _Links:
    row: np.ndarray
    column: np.ndarray
    log_odds: Tensor

    @classmethod
    def none(cls) -> "_Links":
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), torch.zeros(0))

    def select(self, keep: np.ndarray) -> "_Links":
        return _Links(self.row[keep], self.column[keep], self.log_odds[torch.from_numpy(keep)])

    @classmethod
    def join(cls, parts: list["_Links"]) -> "_Links":
        return cls(
            np.concatenate([part.row for part in parts]),
            np.concatenate([part.column for part in parts]),
            torch.cat([part.log_odds for part in parts]),
        )


def _lead_on(
    spots: Spots, network: TrackNetwork, past: Mapping[int, States], here: slice, source: np.ndarray, frame: int
) -> States:
    """States of the tracks at a frame's spots: led on where there is a spot before, begun anew where not."""
    states = network.past.start(spots.contexts(here))
    linked = np.flatnonzero(source >= 0)
    if not len(linked):
        return states
    before = sorted(past)
    starts = {one: spots.of_frame(one).start for one in before}
    offsets = dict(zip(before, np.cumsum([0] + [len(past[one].age) for one in before[:-1]]), strict=True))
    origin = source[linked]
    at = spots.frame[origin]
    shift = np.array([starts[one] - offsets[one] for one in before])
    row = origin - shift[np.searchsorted(before, at)]
    displacement = spots.position[linked + here.start] - spots.position[origin]
    read = network.past.read_spots(
        States.join([past[one] for one in before]).select(torch.from_numpy(row)),
        torch.from_numpy(displacement.astype(np.float32)),
        torch.from_numpy(frame - at),
        spots.contexts(linked + here.start),
    )
    place = torch.from_numpy(linked)
    return States(
        *(getattr(states, name).index_copy(0, place, getattr(read, name)) for name in States.__dataclass_fields__)
    )


def _new_links(
    spots: Spots, network: TrackNetwork, states: States, ahead: Mapping[int, Futures], frame: int, depth: int
) -> list[_Links]:
    """Links that the tracks at a frame's spots may take to the next frames."""
    here = spots.of_frame(frame)
    rows, columns, of_link, nodes, steps = [], [], [], [], []
    later = [(step, ahead.get(frame + step)) for step in range(1, depth + 1)]
    offset, n_links = 0, 0
    futures = []
    for step, after in later:
        if after is None:
            continue
        row, column = candidates(states, spots.position[here], spots.movie[here], FrameIndex(spots, frame + step), step)
        link, node = after.of(column, spots.of_frame(frame + step).start)
        rows.append(row)
        columns.append(column)
        of_link.append(link + n_links)
        nodes.append(node + offset)
        steps.append(np.full(len(node), step))
        futures.append(after)
        offset += len(after.spot)
        n_links += len(row)
    if not n_links:
        return []
    from_row, to_spot, which = np.concatenate(rows), np.concatenate(columns), np.concatenate(of_link)
    hypothesis = torch.from_numpy(np.concatenate(nodes))
    apart = spots.position[to_spot] - spots.position[from_row + here.start]
    odds = network.link_log_odds(
        states,
        torch.from_numpy(from_row[which]),
        States.join([one.states for one in futures]),
        hypothesis,
        torch.from_numpy(apart.astype(np.float32)[which]),
        torch.from_numpy(np.concatenate(steps)),
        spots.contexts(to_spot[which]),
    )
    odds = odds + torch.cat([one.log_weight for one in futures])[hypothesis]
    return [_Links(from_row + here.start, to_spot, log_sum_exp(odds, torch.from_numpy(which), n_links))]


def _pooled(after: Futures, here: slice, network: TrackNetwork) -> Tensor:
    """Mean of the futures' hidden states of each spot, weighted by their probability."""
    hidden = after.states.hidden[:, : network.future.hidden]
    owner = torch.from_numpy(after.spot - here.start)
    return hidden.new_zeros(here.stop - here.start, hidden.shape[1]).index_add(
        0, owner, hidden * after.log_weight.exp()[:, None]
    )
