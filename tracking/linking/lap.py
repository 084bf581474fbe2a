import numpy as np

from tracking.best_matching import best_matching
from tracking.linking.candidates import candidate_links
from tracking.linking.options import LinkingOptions
from tracking.linking.segments import ALTERNATIVE_FACTOR, LEAST_ALTERNATIVE, segment_links


def link_lap(frames: np.ndarray, positions: np.ndarray, radius: float, options: LinkingOptions) -> np.ndarray:
    """Links by optimal assignment: between successive frames first, then between the stretches that result.

    Args:
        frames: Frame of every spot, ascending, shape ``(n,)``.
        positions: Positions in pixels, shape ``(n, d)``.
        radius: Greatest distance of a link between successive frames, in pixels.
        options: For gaps, merging and splitting.

    Returns:
        Links as indices of spots, earlier one first, shape ``(m, 2)``.

    Source: Jaqaman et al. 2008, doi:10.1038/nmeth.1237, with the simpler costs of TrackMate's LAP tracker.
    """
    links = frame_links(frames, positions, radius)
    if not (options.longest_gap or options.merging or options.splitting):
        return links
    return np.concatenate([links, segment_links(frames, positions, links, radius, options)])


def frame_links(frames: np.ndarray, positions: np.ndarray, radius: float) -> np.ndarray:
    """Links between successive frames whose total cost is the least.

    A link costs its squared distance, and staying unlinked 1.05 times the dearest candidate of the two frames.
    """
    spots = np.arange(len(frames))
    links = [np.empty((0, 2), np.int64)]
    for sources, targets, costs in candidate_links(frames, positions, spots, spots, 1, radius):
        _, pair = np.unique(frames[sources], return_inverse=True)
        dearest = np.zeros(len(sources))
        np.maximum.at(dearest, pair, costs)
        alternative = np.maximum(ALTERNATIVE_FACTOR * dearest[pair], LEAST_ALTERNATIVE)
        chosen = best_matching(sources, targets, alternative - costs)
        links.append(np.stack([sources[chosen], targets[chosen]], axis=1))
    return np.concatenate(links)
