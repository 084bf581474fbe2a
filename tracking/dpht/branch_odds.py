import numpy as np
import torch

from tracking.dpht.branches import Branches, Candidates, likely_merges, likely_splits
from tracking.dpht.follow import Followed
from tracking.dpht.futures import Futures
from tracking.dpht.gate import candidates
from tracking.dpht.marginals import log_sum_exp
from tracking.dpht.network import TrackNetwork
from tracking.dpht.spots import FrameIndex, Spots

# Times that every beginning and end of a track is looked at elsewhere, and how far away, in displacement scales:
# farther than any track may lead in a frame, and yet where tracks are as dense.
N_ELSEWHERE, FAR = 4, 8.0


class BranchOdds:
    """Odds that tracks begin by a split and end by a merge, gathered while a movie is tracked.

    Where a track begins, the futures of its first spot say how well its motion leads back to the spots of the frame
    before, whatever these tracks did before: a daughter need not move on as her mother did. Where a track ends, its
    past says how well it leads to the spots of the next frame, whatever becomes of them. What chance makes of this is
    seen where the same beginnings and ends are put a little aside, to where they do not belong.

    Args:
        spots: Of the movie.
        network: Judges links.
        splitting: Whether to look for splits.
        merging: Whether to look for merges.
    """

    def __init__(self, spots: Spots, network: TrackNetwork, *, splitting: bool, merging: bool) -> None:
        self.spots, self.network, self.splitting, self.merging = spots, network, splitting, merging
        self._corners = spots.position.min(axis=0), spots.position.max(axis=0)
        # The same directions whenever the movie is tracked.
        self._random = np.random.default_rng(0)
        # In their places first, and then elsewhere.
        self._splits: list[list[Candidates]] = [[] for _ in range(N_ELSEWHERE + 1)]
        self._merges: list[list[Candidates]] = [[] for _ in range(N_ELSEWHERE + 1)]

    def look(self, before: Followed, one: Followed, after: Futures) -> None:
        """Weigh what may branch between two successive frames.

        Args:
            before: The earlier frame.
            one: The later one.
            after: Futures of its spots.
        """
        if before.spots.stop == before.spots.start or one.spots.stop == one.spots.start:
            return
        earlier, later = (FrameIndex(self.spots, int(self.spots.frame[frame.spots.start])) for frame in (before, one))
        starts = np.flatnonzero(one.source < 0) + one.spots.start
        every = np.arange(before.spots.start, before.spots.stop)
        ends = every[~np.isin(every, one.source)]
        for number in range(N_ELSEWHERE + 1):
            if self.splitting and len(starts):
                self._splits[number].append(
                    self._of_starts(starts, one.spots.start, after, earlier, self._aside(starts, number))
                )
            if self.merging and len(ends):
                self._merges[number].append(self._of_ends(ends, before, later, self._aside(ends, number)))

    def splits(self, source: np.ndarray) -> Branches:
        """Splits, by the spot that every spot was linked to before in the end."""
        found, *by_chance = (Candidates.join(parts) for parts in self._splits)
        return likely_splits(self.spots.frame, source, found, by_chance)

    def merges(self, source: np.ndarray) -> Branches:
        """Merges, likewise."""
        found, *by_chance = (Candidates.join(parts) for parts in self._merges)
        return likely_merges(self.spots.frame, source, found, by_chance)

    def _aside(self, spots: np.ndarray, number: int) -> np.ndarray:
        """Positions of some spots in their places, for number 0, or as far from them as chance is looked for."""
        position: np.ndarray = self.spots.position[spots]
        if not number:
            return position
        low, high = self._corners
        extent = high - low
        # Outside of the field there are no tracks: along axes on which one of both ways stays inside.
        far = min(FAR, extent.max() / 2)
        way = np.empty_like(position)
        # By place, so that it does not matter in which order a detector lists the spots of a frame.
        way[np.lexsort(position.T)] = self._random.normal(size=position.shape) * (extent >= 2 * far)
        way *= far / np.linalg.norm(way, axis=1, keepdims=True)
        aside: np.ndarray = position + np.where((position + way < low) | (position + way > high), -way, way)
        return aside

    def _of_starts(
        self, starts: np.ndarray, first: int, after: Futures, index: FrameIndex, position: np.ndarray
    ) -> Candidates:
        """Spots of the frame before that the tracks which begin at ``starts`` may come from, if they began there."""
        which, node = after.of(starts, first)
        states = after.states.select(torch.from_numpy(node))
        row, track = candidates(states, position[which], self.spots.movie[starts[which]], index, 1)
        if not len(row):
            return Candidates.join([])
        end = starts[which[row]]
        log_odds = self.network.future_log_odds(
            states,
            torch.from_numpy(row),
            _apart(self.spots.position[track], position[which[row]]),
            _one(row),
            self.spots.contexts(track),
        )
        log_odds = log_odds + after.log_weight[torch.from_numpy(node[row])]
        # All hypotheses of one spot together.
        key, one, inverse = np.unique(end * len(self.spots.frame) + track, return_index=True, return_inverse=True)
        total = log_sum_exp(log_odds, torch.from_numpy(inverse), len(key))
        return Candidates(track[one], end[one], total.double().numpy())

    def _of_ends(self, ends: np.ndarray, before: Followed, index: FrameIndex, position: np.ndarray) -> Candidates:
        """Spots of the next frame that the tracks which end at ``ends`` may have gone to, if they ended there."""
        states = before.states.select(torch.from_numpy(ends - before.spots.start))
        row, track = candidates(states, position, self.spots.movie[ends], index, 1)
        if not len(row):
            return Candidates.join([])
        context = self.spots.contexts(track)
        log_odds = self.network.link_log_odds(
            states,
            torch.from_numpy(row),
            self.network.future.start(context),
            torch.arange(len(row)),
            _apart(position[row], self.spots.position[track]),
            _one(row),
            context,
        )
        return Candidates(track, ends[row], log_odds.double().numpy())


def _apart(start: np.ndarray, end: np.ndarray) -> torch.Tensor:
    return torch.from_numpy((end - start).astype(np.float32))


def _one(row: np.ndarray) -> torch.Tensor:
    return torch.ones(len(row), dtype=torch.int64)
