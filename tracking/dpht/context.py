from dataclasses import dataclass

import numpy as np
from scipy.special import gamma

# What `movie_context` gives: dimensions, density, whether the rest is known, and five numbers about the tracks.
N_MOVIE = 8
# What is known of a spot besides its place: that of its movie, and how near it is to the border.
N_CONTEXT = N_MOVIE + 1

# A smaller share of the links than this does not tell how far particles move from a frame to the next.
FEW_STEPS = 0.05


@dataclass(frozen=True)
class TrackStatistics:
    """How the particles of a movie move, appear and are missed.

    Attributes:
        missed: Share of the frames inside tracks that have no spot.
        loose: Share of the spots that are in no track of three or more.
        ended: Tracks that end for every spot in one.
        directed: Mean inner product of two successive displacements over their mean square: 1 where particles go
            straight on, 0 in diffusion, below 0 where they are confined or the positions' errors dominate.
        uneven: Mean square displacement over the square of the mean one, less 1.
        scale: Root mean square displacement from a frame to the next, in the unit of the positions; NaN without any.
            Where hardly any particle is in two successive frames it follows from longer steps, as if all diffused.
    """

    missed: float
    loose: float
    ended: float
    directed: float
    uneven: float
    scale: float


def track_statistics(frame: np.ndarray, particle: np.ndarray, position: np.ndarray) -> TrackStatistics:
    """Statistics of tracks.

    Args:
        frame: Frame of every spot, shape ``(n,)``.
        particle: Its particle, -1 for none, shape ``(n,)``.
        position: Shape ``(n, d)``.
    """
    order = np.lexsort((frame, particle))
    order = order[particle[order] >= 0]
    number, at, place = particle[order], frame[order], position[order]
    is_link = number[1:] == number[:-1]
    step = np.diff(at)
    length = np.bincount(number, minlength=1)
    is_long = length >= 3
    in_track = is_long[number] if len(number) else np.zeros(0, bool)
    spans = int(step[is_link & in_track[1:]].sum() + is_long.sum()) if len(number) else 0
    last = np.append(~is_link, True) if len(number) else np.zeros(0, bool)
    ends = last & in_track & (at < frame.max(initial=0) - 2)
    moved = np.diff(place, axis=0)
    is_step = is_link & (step == 1)
    if is_step.sum() < FEW_STEPS * is_link.sum():
        is_step, moved = is_link, moved / np.sqrt(np.maximum(step, 1))[:, None]
    squares = (moved**2).sum(axis=1)
    is_pair = is_step[1:] & is_step[:-1]
    inner = (moved[1:] * moved[:-1]).sum(axis=1)[is_pair]
    mean_square = squares[is_step].mean() if is_step.any() else float("nan")
    mean = np.sqrt(squares[is_step]).mean() if is_step.any() else 1.0
    return TrackStatistics(
        missed=1 - in_track.sum() / max(spans, 1) if spans else 0.0,
        loose=1 - in_track.sum() / max(len(frame), 1),
        ended=ends.sum() / max(in_track.sum(), 1),
        directed=float(inner.mean() / max(squares[1:][is_pair].mean(), 1e-12)) if is_pair.any() else 0.0,
        uneven=float(mean_square / max(mean, 1e-6) ** 2 - 1) if is_step.any() else 0.3,
        scale=float(np.sqrt(mean_square)),
    )


def spot_density(n_per_frame: float, volume: float, n_axes: int) -> float:
    """Spots expected within a distance of 1 of a place, in the unit of ``volume``: an area, or a volume."""
    ball = np.pi ** (n_axes / 2) / gamma(n_axes / 2 + 1)
    return float(ball * n_per_frame / max(volume, 1e-9))


def movie_context(n_axes: int, density: float, statistics: TrackStatistics | None) -> np.ndarray:
    """What the network is told of a movie, shape ``(N_MOVIE,)``.

    Args:
        n_axes: 2 or 3.
        density: Spots expected within one displacement scale, from `spot_density`.
        statistics: Of its tracks; None before any is known.
    """
    known = [0.0] * 6
    if statistics is not None:
        one = statistics
        known = [1.0, 2 * one.missed, one.loose, 5 * one.ended, one.directed, min(2 * one.uneven, 2.0)]
    return np.array([n_axes - 2.0, np.log10(max(density, 1e-6)) / 2, *known], np.float32)
