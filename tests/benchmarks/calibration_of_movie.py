"""What the recurrent tracker says of one simulated movie, beside the truth."""

import json
from inspect import signature

import numpy as np
import pandas as pd
import torch
from own_recurrent import recurrent_links
from peer_movies import PeerMovie

from tracking.best_matching import best_matching
from tracking.dpht.follow import follow
from tracking.dpht.futures import futures
from tracking.dpht.link_recurrent import WIDER, link_recurrent
from tracking.dpht.network import TrackNetwork
from tracking.dpht.recurrent_links import RecurrentLinks
from tracking.dpht.spots import Spots
from tracking.graph import particles_from_edges
from tracking.metrics.close_pairs import close_pairs

# Nearer than this a spot may be of a particle; in pixels and slices, as the challenge measures distances. Its own gate
# of 5 px takes many a false detection beside a missed particle for that particle.
GATE = 3.0
WIDTH = signature(link_recurrent).parameters["width"].default


def compare_with_truth(movie: PeerMovie, network: TrackNetwork) -> dict[str, np.ndarray]:
    """Probabilities with what came true, and squared Mahalanobis distances of the truth from what was expected.

    ``link``, ``track``, ``real`` and ``seen_again`` have a column for the probability and one for the truth:

    - a link is right if both of its spots are of one particle;
    - a track is right if more than half of its spots are of one particle, its probability being the mean of those that
      its spots are real;
    - a spot is real if it is of a particle;
    - a spot is seen again if its particle has a spot within as many frames as a link could lead ahead.

    ``next`` has the distance of every track's particle in the next frame from where it is expected, and whether the
    track's last link is right, or there is none yet; ``gap`` the distance of the particle from every point by
    which a right link bridges a gap, ``n_gap`` the number of all such points, ``n_axes`` that of the axes.
    """
    arrays = movie.arrays
    frame, pixels = arrays["frame"], arrays["pixels"]
    found = recurrent_links(frame, pixels, network)
    of = _true_particle(arrays)
    before = found.source
    linked = np.flatnonzero(before >= 0)
    is_right = (of[linked] >= 0) & (of[linked] == of[before[linked]])
    track, _ = particles_from_edges(len(frame), found.links)
    length = np.bincount(track)
    pair, count = np.unique(np.stack([track, of], axis=1)[of >= 0], axis=0, return_counts=True)
    most = np.zeros(len(length), np.int64)
    np.maximum.at(most, pair[:, 0], count)
    has_later = frame <= frame.max() - found.depth
    real = of >= 0
    expected, follows_right = _next_positions(arrays, found, network, of)
    gaps, n_gap = _gap_points(arrays, found, of)
    return {
        "link": np.stack([found.link_probability[linked], is_right], axis=1),
        "track": np.stack([np.bincount(track, found.real) / length, 2 * most > length], axis=1),
        "real": np.stack([found.real, real], axis=1),
        "seen_again": np.stack([found.existence, _is_seen_again(frame, of, found.depth) & real], axis=1)[has_later],
        "next": np.stack([expected, follows_right], axis=1),
        "gap": gaps,
        "n_gap": np.array(n_gap),
        "n_axes": np.array(pixels.shape[1]),
    }


def _true_particle(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """The particle of every spot, -1 for false detections: pairs one to one, all together as near as can be."""
    tables = [
        pd.DataFrame(arrays[name], columns=["z", "y", "x"][-arrays[name].shape[1] :]).assign(frame=arrays[frames])
        for name, frames in (("truth_position", "truth_frame"), ("position", "frame"))
    ]
    true, spot, distance = close_pairs(tables[0], tables[1], GATE)
    chosen = best_matching(true, spot, GATE - distance)
    of = np.full(len(arrays["frame"]), -1)
    of[spot[chosen]] = arrays["truth_particle"][true[chosen]]
    return of


def _is_seen_again(frame: np.ndarray, of: np.ndarray, depth: int) -> np.ndarray:
    order = np.lexsort((frame, of))
    again = np.zeros(len(frame), bool)
    again[order[:-1]] = (of[order[1:]] == of[order[:-1]]) & (np.diff(frame[order]) <= depth)
    return again


def _next_positions(
    arrays: dict[str, np.ndarray], found: RecurrentLinks, network: TrackNetwork, of: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    frame = arrays["frame"]
    spots = Spots(frame, _three(arrays["pixels"]) / found.scale, np.zeros(len(frame), np.int64), found.context[None])
    frames = range(int(frame[0]), int(frame[-1]) + 1)
    true, is_there = _true_pixels(arrays, of, frame + 1)
    apart = torch.from_numpy((_three(true) / found.scale - spots.position).astype(np.float32))
    distances = np.full(len(frame), np.nan)
    source = np.full(len(frame), -1)
    with torch.inference_mode():
        ahead = futures(spots, network, frames, depth=found.depth, width=WIDTH)
        for one in follow(spots, network, ahead, frames, depth=found.depth, window=found.depth if WIDTH else 1):
            row = torch.arange(one.spots.stop - one.spots.start)
            expected = one.states.expected(row, torch.ones_like(row), spots.contexts(one.spots)[:, 0] + 2)
            away = (apart[one.spots] - expected.mean).double()
            towards = torch.linalg.solve(WIDER * expected.covariance().double(), away[:, :, None])[:, :, 0]
            distances[one.spots] = (away * towards).sum(1).numpy()
            source[one.spots] = one.source
    follows_right = (source < 0) | (of[source] == of)
    return distances[is_there], follows_right[is_there]


def _gap_points(arrays: dict[str, np.ndarray], found: RecurrentLinks, of: np.ndarray) -> tuple[np.ndarray, int]:
    """Squared Mahalanobis distances of the particles from the points of the gaps that right links bridge."""
    spot = found.gap_spot
    true, is_there = _true_pixels(arrays, of[spot], found.gap_frame)
    is_there &= of[found.source[spot]] == of[spot]
    away = (true - found.gap_position)[is_there]
    inverse_times_away = np.linalg.solve(found.gap_covariance[is_there], away[..., None])[..., 0]
    return (away * inverse_times_away).sum(axis=1), len(spot)


def _true_pixels(
    arrays: dict[str, np.ndarray], particle: np.ndarray, frame: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where particles are in some frames, in pixels, and whether they are anywhere."""
    truth_frame = arrays["truth_frame"]
    longest = int(max(truth_frame.max(), frame.max(initial=0))) + 1
    key = arrays["truth_particle"] * longest + truth_frame
    order = np.argsort(key)
    wanted = particle * longest + frame
    place = order[np.minimum(np.searchsorted(key[order], wanted), len(order) - 1)]
    is_there = (particle >= 0) & (key[place] == wanted)
    return arrays["truth_position"][place] * _pixels_per_unit(arrays), is_there


def _pixels_per_unit(arrays: dict[str, np.ndarray]) -> np.ndarray:
    z_spacing = json.loads(str(arrays["simulation"]))["z_spacing"]
    return np.array([z_spacing, 1.0, 1.0])[-arrays["position"].shape[1] :]


def _three(positions: np.ndarray) -> np.ndarray:
    return np.pad(positions, ((0, 0), (0, 3 - positions.shape[1])))
