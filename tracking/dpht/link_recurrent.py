import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from tracking.best_matching import best_matching
from tracking.dpht.ahead import Ahead
from tracking.dpht.branch_odds import BranchOdds
from tracking.dpht.bridges import Bridges, bridges
from tracking.dpht.cell import MAX_STEP
from tracking.dpht.context import FEW_STEPS, TrackStatistics, movie_context, spot_density, track_statistics
from tracking.dpht.follow import Decide, Followed, follow
from tracking.dpht.network import TrackNetwork
from tracking.dpht.recurrent_links import RecurrentLinks
from tracking.dpht.require_search import require_search
from tracking.dpht.spots import Spots
from tracking.graph import particles_from_edges
from tracking.linking.validation import require_spots

# Spots and frames of the first looks at a movie, how many looks at most, and how far ahead they link.
PILOT_SPOTS, PILOT_FRAMES, PILOTS, PILOT_DEPTH = 5000, (15, 300), 5, 4
# What a look finds is believed if it found the scale at which it looked, within these factors.
SAME_SCALE = 0.75, 1.33
# Links less probable than this do not count for the movie's statistics.
SURE = 0.5
# In a crowd, more spots than this within a displacement, sure links are the short ones: there all links count, and tell
# nothing if a larger share of the spots is in no track. Nor does that share in fewer frames.
CROWD, MOST_LOOSE, FEW_FRAMES = 0.15, 0.42, 6
# The depth is such that a particle is missed so many times in a row with no more than this probability.
RARE = 0.001
LEAST_DEPTH = 3
# Motion has heavier tails than a normal distribution: with so much larger covariances regions of 95 percent hold about
# as many of the particles. Found on simulated movies of seed 2001, which is not scored.
WIDER = 1.25
# Spots within one displacement scale.
EMPTIEST = 5e-4
# Added to the log-odds of links across gaps when they are chosen: the first times the share of frames in which
# particles are missed, less the second where they do not move straight on, within the bounds. Where many are missed, a
# track broken in two loses more than a wrong link; where particles diffuse, a gap is filled with places far from the
# true ones, even if its link is right. Where that is positive and they diffuse, other links get half of it. Found on
# simulated movies of seeds that are not scored.
EAGERNESS, AIMLESSNESS, MOST_EAGER = 20.0, 1.5, 1.2


def link_recurrent(
    frames: np.ndarray,
    positions: np.ndarray,
    network: TrackNetwork,
    *,
    scale: float,
    depth: int | None = None,
    width: int = 1,
    decide: Decide = best_matching,
    splitting: bool = False,
    merging: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> RecurrentLinks:
    """Link the spots of a movie with a recurrent network that looks at the past and the future of every track.

    A first look at a part of the movie tells how far particles move, how often they are missed and how they go on;
    then the movie is tracked, block by block, so that the states in memory do not grow with its length.

    Args:
        frames: Frame of every spot, ascending whole numbers, shape ``(n,)``.
        positions: Positions in pixels along every axis, shape ``(n, d)``, d being 2 or 3.
        network: From `tracking.dpht.weights.load_weights`.
        scale: A first guess of the root mean square displacement between two frames, in pixels. In a crowd, one
            that is too large is put right more surely than one that is too small.
        depth: Frames that are weighed jointly, and that a link may lead ahead: one fewer is the longest gap. At most
            `MAX_STEP`. None: from 3 up, the more the oftener particles are missed.
        width: Hypotheses kept about the future of every spot; 0 to look at the next frame only.
        decide: Chooses among the possible links of some frames.
        splitting: Whether to look for tracks that begin by a split.
        merging: Whether to look for tracks that end by a merge.
        progress: Called with the number of frames linked and of all, once the movie was looked at.

    Raises:
        ValueError: An option is out of range, shapes do not fit, or a position is not finite.
    """
    frames, positions = require_spots(frames, positions, 1.0)
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"`scale` must be positive, got {scale}")
    require_search(depth, width, may_choose=True)
    if not len(frames):
        return _nothing(positions.shape[1], scale)
    # Holes longer than any link are cut short, so that no time goes into empty frames.
    step = np.minimum(np.diff(frames, prepend=frames[:1]), MAX_STEP + 1)
    dense = np.cumsum(step)
    with torch.inference_mode():
        scale, statistics = _look(dense, positions, network, scale, depth, width, decide)
        chosen = depth or _depth(statistics)
        spots = _spots(dense, positions, scale, statistics)
        eager = _eager(decide, dense, statistics)
        odds = BranchOdds(spots, network, splitting=splitting, merging=merging) if splitting or merging else None
        return _Track(spots, network, chosen, width, eager, odds, progress).finish(frames, positions.shape[1], scale)


def _look(
    frames: np.ndarray,
    positions: np.ndarray,
    network: TrackNetwork,
    scale: float,
    depth: int | None,
    width: int,
    decide: Decide,
) -> tuple[float, TrackStatistics | None]:
    """The movie's scale and statistics, from looks at its middle until one finds the scale at which it looked."""
    part, statistics = _pilot(frames), None
    n_frames = _longest_run(frames[part])
    # Particles that are seen in every fifth frame only are to be found, too.
    depth = depth or min(max(PILOT_DEPTH, _least_step(frames[part])), MAX_STEP)
    for look in range(PILOTS):
        # The first guess may be far off: a few spots will tell.
        some = slice(None) if look else _innermost(positions[part])
        spots = _spots(frames[part][some], positions[part][some], scale, statistics)
        looked = _Track(spots, network, depth, width, decide)
        is_crowd = spots.context[0, 1] > np.log10(CROWD) / 2
        found = looked.statistics(0.0 if is_crowd else SURE)
        is_known = found.loose < MOST_LOOSE or not (is_crowd or n_frames <= FEW_FRAMES)
        if is_crowd or not is_known:
            found = replace(found, scale=looked.likely_scale())
        if not math.isfinite(found.scale) or found.scale <= 0:
            break
        scale *= found.scale
        is_same = SAME_SCALE[0] < found.scale < SAME_SCALE[1]
        # What was found at a wrong scale, or of few spots, would keep the next look from finding more.
        statistics = found if is_same and is_known else None
        if is_same and look:
            break
    return scale, statistics


def _eager(decide: Decide, frames: np.ndarray, statistics: TrackStatistics | None) -> Decide:
    if statistics is None:
        return decide
    aimless = 1 - min(max(statistics.directed, 0.0), 1.0)
    across = min(max(EAGERNESS * statistics.missed - AIMLESSNESS * aimless, -AIMLESSNESS), MOST_EAGER)
    onward = max(across, 0.0) * aimless / 2
    return lambda row, column, log_odds: decide(
        row, column, log_odds + np.where(frames[column] - frames[row] > 1, across, onward)
    )


def _depth(statistics: TrackStatistics | None) -> int:
    """Frames after which hardly any particle is still missed."""
    missed = statistics.missed if statistics else 0.0
    wanted = math.ceil(math.log(RARE) / math.log(missed)) if 0 < missed < 1 else LEAST_DEPTH
    return min(max(wanted, LEAST_DEPTH), MAX_STEP)


def _pilot(frames: np.ndarray) -> slice:
    """Successive frames in the movie's middle with some thousand spots."""
    per_frame = len(frames) / (frames[-1] - frames[0] + 1)
    n_frames = min(max(PILOT_FRAMES[0], int(PILOT_SPOTS / per_frame)), PILOT_FRAMES[1])
    first = max(int(frames[0] + frames[-1] - n_frames) // 2, int(frames[0]))
    part = slice(*np.searchsorted(frames, [first, first + n_frames]).tolist())
    return part if part.stop > part.start else slice(0, len(frames))


def _longest_run(frames: np.ndarray) -> int:
    """Most frames with spots in a row, without a hole longer than any link."""
    seen = np.unique(frames)
    ends = np.flatnonzero(np.diff(seen, append=seen[-1] + MAX_STEP + 1) > MAX_STEP)
    return int(np.diff(ends, prepend=-1).max())


def _least_step(frames: np.ndarray) -> int:
    """Frames from one with spots to the next, at least."""
    return int(np.diff(np.unique(frames)).min(initial=MAX_STEP))


def _innermost(positions: np.ndarray) -> np.ndarray:
    """Indices, ascending, of at most `PILOT_SPOTS` spots: those in a box round the middle of the field."""
    low, extent = positions.min(axis=0), np.maximum(np.ptp(positions, axis=0), 1e-9)
    outwards = np.sort(np.abs((positions - low) / extent - 0.5), axis=1)
    # Farthest out along any axis; where that is alike, as in a stack of two planes, along the others.
    order = np.lexsort(outwards.T)[:PILOT_SPOTS]
    return np.sort(order)


def _spots(frames: np.ndarray, positions: np.ndarray, scale: float, statistics: TrackStatistics | None) -> Spots:
    n, d = positions.shape
    place = np.zeros((n, 3))
    place[:, :d] = positions / scale
    # Without the outermost hundredth, as one spot far off would make the field look empty.
    low, high = np.quantile(place[:, :d], [0.005, 0.995], axis=0)
    volume = float(np.prod(np.maximum((high - low) / 0.99, 1.0)))
    # Others than itself; and a movie is never emptier than those that were learned.
    others = n / (frames[-1] - frames[0] + 1) - 1
    density = max(spot_density(others, volume, d), EMPTIEST)
    context = movie_context(d, density, statistics)
    return Spots(frames, place, np.zeros(n, np.int64), context[None])


def _nothing(n_axes: int, scale: float) -> RecurrentLinks:
    none, whole = np.empty(0), np.empty(0, np.int64)
    context = movie_context(n_axes, 0.0, None)
    places = np.empty((0, n_axes)), np.empty((0, n_axes, n_axes))
    return RecurrentLinks(whole, none, none, none, whole, whole, *places, scale, LEAST_DEPTH, context)


class _Track:
    """A movie tracked from its first frame to its last: what is found of every spot."""

    def __init__(
        self,
        spots: Spots,
        network: TrackNetwork,
        depth: int,
        width: int,
        decide: Decide,
        odds: BranchOdds | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        n = len(spots.frame)
        self.spots, self.depth, self.odds = spots, depth, odds
        self.source = np.full(n, -1)
        self.log_link, self.log_end, self.log_real = np.zeros((3, n), np.float32)
        self.log_end[:] = np.nan
        ahead = Ahead(spots, network, depth, width)
        recent: dict[int, Followed] = {}
        found: list[Bridges] = []
        # Sums over all possible links, to the next frame and beyond it: probability, and that times the squared
        # displacement a frame.
        self._likely = np.zeros((2, 2))
        frames = range(int(spots.frame[0]), int(spots.frame[-1]) + 1)
        window = depth if width else 1
        for frame, one in zip(
            frames, follow(spots, network, ahead, frames, depth=depth, window=window, decide=decide), strict=True
        ):
            here = one.spots
            self.source[here] = one.source
            self.log_link[here] = one.log_link.numpy()
            self.log_real[here] = one.log_real.numpy()
            before = recent.get(frame - 1)
            if before is not None:
                start, stop = before.spots.start - one.first, before.spots.stop - one.first
                self.log_end[before.spots] = one.log_end[start:stop].numpy()
                if odds is not None:
                    odds.look(before, one, ahead[frame])
            recent[frame] = one
            recent.pop(frame - depth - 1, None)
            self._likely += _squares(spots, one, frame)
            found.append(bridges(spots, one, recent, ahead[frame]))
            if progress:
                progress(frame - frames.start + 1, len(frames))
        self.bridges = Bridges.join(found)

    def likely_scale(self) -> float:
        """Root mean square displacement of all possible links, each as far as it is probable; NaN without any."""
        probability, square = self._likely[0]
        if probability < FEW_STEPS * self._likely[:, 0].sum():
            probability, square = self._likely.sum(axis=0)
        return math.sqrt(square / probability) if probability > 0 else math.nan

    def statistics(self, least_probability: float) -> TrackStatistics:
        """Of the tracks made of links that are more probable than that."""
        sure = np.flatnonzero((self.source >= 0) & (np.exp(self.log_link) > least_probability))
        links = np.stack([self.source[sure], sure], axis=1)
        particle, _ = particles_from_edges(len(self.source), links)
        return track_statistics(self.spots.frame, particle, self.spots.position)

    def finish(self, frames: np.ndarray, n_axes: int, scale: float) -> RecurrentLinks:
        """In pixels and in the movie's own frames."""
        gaps, d = self.bridges, n_axes
        branches = [self.odds.splits(self.source), self.odds.merges(self.source)] if self.odds else []
        return RecurrentLinks(
            source=self.source,
            link_probability=np.where(self.source >= 0, np.exp(self.log_link.astype(np.float64)), np.nan),
            existence=-np.expm1(np.minimum(self.log_end.astype(np.float64), 0)),
            real=1 / (1 + np.exp(-self.log_real.astype(np.float64))),
            gap_frame=frames[gaps.spot] - gaps.before,
            gap_spot=gaps.spot,
            gap_position=gaps.position[:, :d] * scale,
            gap_covariance=WIDER * gaps.covariance[:, :d, :d] * scale**2,
            scale=scale,
            depth=self.depth,
            context=self.spots.context[0],
            branches=np.concatenate([np.empty((0, 2), np.int64), *(one.links for one in branches)]),
            branch_probability=np.concatenate([np.empty(0), *(one.probability for one in branches)]),
        )


def _squares(spots: Spots, one: Followed, frame: int) -> np.ndarray:
    is_here = (one.column >= one.spots.start) & (one.column < one.spots.stop)
    row, column = one.row[is_here], one.column[is_here]
    probability = np.exp(one.log_probability.numpy()[is_here].astype(np.float64))
    step = frame - spots.frame[row]
    square = ((spots.position[column] - spots.position[row]) ** 2).sum(axis=1) / step
    return np.array([[probability[some].sum(), probability[some] @ square[some]] for some in (step == 1, step > 1)])
