import numpy as np

from tracking.errors import TrackingError
from tracking.graph import particles_from_edges
from tracking.linking.crocker_grier import link_trackpy
from tracking.linking.lap import link_lap
from tracking.linking.linking import Linking
from tracking.linking.nearest import link_nearest
from tracking.linking.options import LinkingOptions
from tracking.linking.search_radius import estimate_search_radius
from tracking.linking.validation import require_spots

# Fewer, or fewer than one a frame, are a nearly empty movie rather than one whose particles move too far.
FEW_SPOTS = 10


def link(frames: np.ndarray, positions: np.ndarray, options: LinkingOptions) -> Linking:
    """Link the spots of a movie into particles.

    Args:
        frames: Frame of every spot, whole numbers, ascending, shape ``(n,)``. Frames without spots are just absent.
        positions: Positions in the order of a frame's axes, (y, x) in pixels or (z, y, x) with z in slices, shape
            ``(n, 2)`` or ``(n, 3)``.
        options: The method and its radii. A radius that is None is estimated by `estimate_search_radius`; where that
            fails for want of spots (fewer than 10, or than one a frame), every spot is a particle of its own.

    Raises:
        TrackingError: The radius must be given or be smaller, or trackpy gives a crowd of spots up.
        ValueError: Shapes do not fit, frames are not ascending whole numbers, or a position is not finite.
    """
    frames, scaled = require_spots(frames, positions, options.z_scale)
    if not len(frames) or frames[0] == frames[-1]:
        return Linking(np.arange(len(frames)), {}, options.search_radius or float("nan"))
    try:
        radius = options.search_radius or estimate_search_radius(frames, positions, options.z_scale)
    except TrackingError:
        if len(frames) >= max(FEW_SPOTS, int(frames[-1]) + 1):
            raise
        return Linking(np.arange(len(frames)))
    if options.method == "lap":
        links = link_lap(frames, scaled, radius, options)
    elif options.method == "nearest":
        links = link_nearest(frames, scaled, radius, options.max_gap)
    else:
        links = link_trackpy(frames, scaled, radius, options)
    particle, parents = particles_from_edges(len(frames), links)
    return Linking(particle, parents, radius)
