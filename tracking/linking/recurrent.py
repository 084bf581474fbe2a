from collections.abc import Callable

import numpy as np

from tracking.dpht.link_recurrent import link_recurrent
from tracking.dpht.network import TrackNetwork
from tracking.dpht.recurrent_links import RecurrentLinks
from tracking.graph import particles_from_edges
from tracking.linking.linking import GapPoints, Linking
from tracking.linking.options import LinkingOptions

# A smaller displacement, in pixels, is none; and none is longer than the field.
LEAST_SCALE = 1e-3
# Splits and merges are made that are more probable than not.
LEAST_BRANCH = 0.5


def link_with_network(
    frames: np.ndarray,
    positions: np.ndarray,
    radius: float,
    options: LinkingOptions,
    network: TrackNetwork,
    progress: Callable[[int, int], None] | None = None,
) -> Linking:
    """Link spots with the recurrent tracker.

    Args:
        frames: Frame of every spot, ascending, not all the same, shape ``(n,)``.
        positions: Positions in pixels, z included, in the order of a frame's axes, shape ``(n, d)``.
        radius: The farthest a particle may move between two frames, in pixels: where the tracker begins to find out.
        options: For gaps, hypotheses, and the slices that positions of gaps are given in.
        network: From `tracking.dpht.weights.load_weights`.
        progress: Called with the number of frames linked and of all.
    """
    extent = float(np.linalg.norm(np.ptp(positions, axis=0)))
    first_guess = float(np.clip(radius, LEAST_SCALE, max(extent, LEAST_SCALE)))
    depth = None if options.max_gap is None else options.max_gap + 1
    found = link_recurrent(
        frames,
        positions,
        network,
        scale=first_guess,
        depth=depth,
        width=options.hypotheses,
        splitting=options.splitting,
        merging=options.merging,
        progress=progress,
    )
    is_likely = found.branch_probability >= LEAST_BRANCH
    branches, probability = found.branches[is_likely], found.branch_probability[is_likely]
    particle, parents = particles_from_edges(len(frames), np.concatenate([found.links, branches]))
    link_probability = found.link_probability.copy()
    # Nothing else leads to a spot that splits off; of the tracks that merge into one, the least sure counts.
    np.fmin.at(link_probability, branches[:, 1], probability)
    return Linking(
        particle,
        parents,
        search_radius=radius,
        max_gap=found.depth - 1,
        link_probability=link_probability,
        track_probability=np.bincount(particle, found.real) / np.bincount(particle),
        gaps=_gap_points(found, particle, options.z_scale),
        scale=found.scale,
        # The network is told half of its decimal logarithm.
        density=float(10 ** (2 * found.context[1])),
    )


def _gap_points(found: RecurrentLinks, particle: np.ndarray, z_scale: float) -> GapPoints:
    unit = np.array([z_scale, 1.0, 1.0]) if found.gap_position.shape[1] == 3 else np.ones(2)
    covariance = found.gap_covariance / np.outer(unit, unit)
    return GapPoints(
        found.gap_frame,
        particle[found.gap_spot],
        found.gap_position / unit,
        (covariance + covariance.transpose(0, 2, 1)) / 2,
    )
