from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tracking.errors import TrackingError
from tracking.graph import particles_from_edges
from tracking.linking.crocker_grier import link_trackpy
from tracking.linking.lap import link_lap
from tracking.linking.linking import GapPoints, Linking
from tracking.linking.nearest import link_nearest
from tracking.linking.options import LinkingOptions
from tracking.linking.search_radius import estimate_search_radius, largest_search_radius
from tracking.linking.validation import require_spots

if TYPE_CHECKING:
    from tracking.dpht.network import TrackNetwork

# Fewer, or fewer than one a frame, are a nearly empty movie rather than one whose particles move too far.
FEW_SPOTS = 10


def link(
    frames: np.ndarray,
    positions: np.ndarray,
    options: LinkingOptions,
    network: "TrackNetwork | None" = None,
    progress: Callable[[int, int], None] | None = None,
) -> Linking:
    """Link the spots of a movie into particles.

    Args:
        frames: Frame of every spot, whole numbers, ascending, shape ``(n,)``. Frames without spots are just absent.
        positions: Positions in the order of a frame's axes, (y, x) in pixels or (z, y, x) with z in slices, shape
            ``(n, 2)`` or ``(n, 3)``.
        options: The method and its radii. A radius that is None is estimated by `estimate_search_radius`; where that
            fails for want of spots (fewer than 10, or than one a frame), every spot is a particle of its own.
        network: Of the recurrent tracker, from `tracking.dpht.weights.load_weights`; the other methods need none.
        progress: Called with the number of frames linked and of all, by the recurrent tracker alone.

    Raises:
        TrackingError: The radius must be given or be smaller, or trackpy gives a crowd of spots up.
        ValueError: Shapes do not fit, frames are not ascending whole numbers, a position is not finite, or the
            recurrent tracker has no network.
    """
    if options.method == "recurrent" and network is None:
        raise ValueError("the method recurrent needs a `network`, such as `tracking.dpht.weights.load_weights` gives")
    frames, scaled = require_spots(frames, positions, options.z_scale)
    if not len(frames) or frames[0] == frames[-1]:
        return _alone(scaled, options, options.search_radius or float("nan"))
    try:
        radius = options.search_radius or estimate_search_radius(frames, positions, options.z_scale)
    except TrackingError:
        if len(frames) < max(FEW_SPOTS, int(frames[-1]) + 1):
            return _alone(scaled, options, float("nan"))
        if options.method != "recurrent":
            raise
        # It may know the motion where distances alone tell nothing, and `link_doubts` says if it does not.
        radius = largest_search_radius(frames, scaled)
    if network is not None and options.method == "recurrent":
        from tracking.linking.recurrent import link_with_network

        return link_with_network(frames, scaled, radius, options, network, progress)
    if options.method == "lap":
        links = link_lap(frames, scaled, radius, options)
    elif options.method == "nearest":
        links = link_nearest(frames, scaled, radius, options.longest_gap)
    else:
        links = link_trackpy(frames, scaled, radius, options)
    particle, parents = particles_from_edges(len(frames), links)
    return Linking(particle, parents, radius, options.longest_gap)


def _alone(positions: np.ndarray, options: LinkingOptions, radius: float) -> Linking:
    """Every spot a particle of its own; with the recurrent tracker, one of which nothing is known."""
    particle = np.arange(len(positions))
    if options.method != "recurrent":
        return Linking(particle, {}, radius, options.longest_gap)
    unknown, d = np.full(len(positions), np.nan), positions.shape[1]
    nowhere = GapPoints(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, d)), np.empty((0, d, d)))
    return Linking(particle, {}, radius, options.max_gap, unknown, unknown, nowhere)
