from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

# Less probable branches are not worth telling of.
LEAST_PROBABILITY = 0.05
# What is counted beside the branches that chance makes, so that none at all is not taken for a law.
HALF = 0.5
# Greatest share of the tracks that begin by a split.
MOST_SHARE = 0.95
# Log-likelihood by which branches have to explain the candidates better than chance alone, so that in a movie without
# branches some are claimed once in forty times.
LEAST_EVIDENCE = 3.0
# How much the logarithm of the odds may count: 0 where a branch's are like any other's, above 1 where the network,
# which was trained for no rare events, is less sure than it might be.
WEIGHTS = np.linspace(0, 2, 9)
# Logarithms of odds beyond this are certainty.
_MOST = 60.0


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pairs of spots of successive frames that may belong to a branch, m of them.

    Attributes:
        track: The spot of a track that goes on from the one frame to the other, shape ``(m,)``: the earlier spot of a
            split, the later one of a merge.
        end: The spot at which another track begins or ends, shape ``(m,)``: the later spot of a split, the earlier one
            of a merge.
        log_odds: Logarithm of the odds that the track that begins or ends was at the other spot, shape ``(m,)``.
    """

    track: np.ndarray
    end: np.ndarray
    log_odds: np.ndarray

    @classmethod
    def join(cls, parts: Sequence["Candidates"]) -> "Candidates":
        """One after the other."""
        none = cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
        every = [none, *parts]
        return cls(*(np.concatenate([getattr(one, name) for one in every]) for name in cls.__dataclass_fields__))

    def select(self, keep: np.ndarray) -> "Candidates":
        """Some of them."""
        return Candidates(self.track[keep], self.end[keep], self.log_odds[keep])


@dataclass(frozen=True, eq=False)
class Branches:
    """Links that make a track split or two tracks merge.

    Attributes:
        links: Spots, the earlier one first, shape ``(k, 2)``. Every spot at which a track begins or ends has one at
            most, and so has every spot of a track that goes on.
        probability: Of each, shape ``(k,)``.
    """

    links: np.ndarray
    probability: np.ndarray


def likely_splits(
    frame: np.ndarray, source: np.ndarray, found: Candidates, by_chance: Sequence[Candidates]
) -> Branches:
    """Tracks that begin by a split, and how probable that is.

    A track's first spot may be a second daughter of a track that goes on beside it. Its probability is
    ``c o^w / (1 + c o^w)``, o being the odds of the candidate, c the prior odds of a split and w how much o counts. The
    latter two come from the movie: so many tracks begin beside another one with such odds, so many would by chance, and
    what is more are splits. If that may well be chance too, there are none.

    Tracks of a single spot neither split off nor are split from, as false detections are of that kind. Two particles
    that come so near to each other that they are detected as one look like a merge that a split follows.

    Args:
        frame: Frame of every spot, ascending, shape ``(n,)``.
        source: The spot that every spot is linked to before, -1 for none, shape ``(n,)``.
        found: Possible splits.
        by_chance: What takes the place of `found` where no split can be: the same beginnings of tracks in other places,
            time after time.
    """
    following = _following(source)
    starts = (source < 0) & (following >= 0) & (frame > frame.min(initial=0))
    goes_on = (following >= 0) & (source >= 0)
    goes_on[goes_on] = frame[following[goes_on]] == frame[goes_on] + 1
    best = _best(found.select(goes_on[found.track] & starts[found.end]))
    chance = [_best(one.select(goes_on[one.track] & starts[one.end])).log_odds for one in by_chance]
    probability = _probabilities(best.log_odds, chance, int(starts.sum()))
    is_worth = probability >= LEAST_PROBABILITY
    best, probability = best.select(is_worth), probability[is_worth]
    only = _greatest(best.track, probability)
    return Branches(np.stack([best.track, best.end], axis=1)[only], probability[only])


def likely_merges(
    frame: np.ndarray, source: np.ndarray, found: Candidates, by_chance: Sequence[Candidates]
) -> Branches:
    """Tracks that end by a merge, and how probable that is: splits of the movie run backwards, see `likely_splits`."""
    last = len(frame) - 1
    following = _following(source)
    mirrored = likely_splits(
        frame.max(initial=0) - frame[::-1],
        np.where(following >= 0, last - following, -1)[::-1],
        _mirrored(found, last),
        [_mirrored(one, last) for one in by_chance],
    )
    return Branches(last - mirrored.links[:, ::-1], mirrored.probability)


def _following(source: np.ndarray) -> np.ndarray:
    following = np.full(len(source), -1)
    later = np.flatnonzero(source >= 0)
    following[source[later]] = later
    return following


def _mirrored(candidates: Candidates, last: int) -> Candidates:
    return Candidates(last - candidates.track, last - candidates.end, candidates.log_odds)


def _best(candidates: Candidates) -> Candidates:
    """Of every end the candidate of greatest odds."""
    return candidates.select(_greatest(candidates.end, candidates.log_odds))


def _greatest(group: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Index of the greatest value of every group."""
    order = np.lexsort((-values, group))
    return order[np.unique(group[order], return_index=True)[1]]


def _probabilities(log_odds: np.ndarray, by_chance: Sequence[np.ndarray], n_ends: int) -> np.ndarray:
    """Probability of every candidate, from those that chance makes among ``n_ends`` ends of tracks."""
    none = np.zeros(len(log_odds))
    if not len(log_odds) or not by_chance:
        return none
    fits = [_fit(weight * log_odds, [weight * one for one in by_chance], n_ends) for weight in WEIGHTS]
    gain, probability = max(fits, key=lambda fit: fit[0])
    return probability if gain >= LEAST_EVIDENCE else none


def _fit(log_odds: np.ndarray, by_chance: Sequence[np.ndarray], n_ends: int) -> tuple[float, np.ndarray]:
    """Log-likelihood gained over no branch at all, and probabilities, with the likeliest number of branches.

    A branch has a candidate of odds o so much oftener than chance as o is great: of s branches s f(o) o / E have it,
    f(o) being how many chance makes and E the sum of the odds of all of these.
    """
    none = 0.0, np.zeros(len(log_odds))
    chance = np.concatenate(by_chance)
    # Odds relative to those of a typical candidate, so that none is too great for a number.
    typical = float(log_odds.mean())
    odds = np.exp((log_odds - typical).clip(-_MOST, _MOST))
    total = (np.exp((chance - typical).clip(-_MOST, _MOST)).sum() + HALF) / len(by_chance)
    share = (len(chance) + HALF) / len(by_chance) / n_ends
    # The sum of log(1 + s g) less s (1 - share) is gained: an end that is a branch has no candidate by chance besides.
    gain = odds / total - 1 / n_ends

    def slope(number: float) -> float:
        return float((gain / (1 + number * gain)).sum() - (1 - share))

    if share >= 1 or slope(0.0) <= 0:
        return none
    most = MOST_SHARE * n_ends
    number = brentq(slope, 0.0, most) if slope(most) < 0 else most
    prior = number / ((1 - number / n_ends) * total)
    return float(np.log1p(number * gain).sum() - number * (1 - share)), prior * odds / (1 + prior * odds)
