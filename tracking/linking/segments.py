import numpy as np

from tracking.best_matching import best_matching
from tracking.errors import TrackingError
from tracking.linking.candidates import candidate_links
from tracking.linking.options import LinkingOptions

# Leaving both ends of a possible link unlinked costs this many times a dear candidate.
ALTERNATIVE_FACTOR = 1.05
# Where all candidates cost nothing, as between immobile spots, linking still has to be cheaper than not linking.
LEAST_ALTERNATIVE = 1e-12
# Candidates of the whole movie that are weighed against each other.
MOST_CANDIDATES = 10_000_000


def segment_links(
    frames: np.ndarray, positions: np.ndarray, links: np.ndarray, radius: float, options: LinkingOptions
) -> np.ndarray:
    """Best links between the stretches that frame-to-frame linking left: across gaps, merges and splits.

    The last spot of a stretch may be linked to the first of another at most ``max_gap`` + 1 frames later; where
    merging is allowed, to a middle spot of another in the next frame; and where splitting is, a middle spot to the
    first of another in the next frame. A middle spot has a spot of its stretch before it and one after it. Each spot
    takes part once as source and once as target. A link costs its squared distance, staying unlinked 1.05 times the
    percentile of all candidates that the options name, and the sum is the least possible.

    As in TrackMate, a spot that stands alone neither merges nor splits off. Other than there it may close a gap, being
    most often a particle seen once between two misses: on simulated movies alpha grows by up to 0.02.

    Args:
        frames: Frame of every spot, ascending, shape ``(n,)``.
        positions: Positions in pixels, shape ``(n, d)``.
        links: Links between successive frames as indices of spots, shape ``(m, 2)``.
        radius: Greatest distance where the options have none of their own, in pixels.
        options: What is allowed, and how far.

    Returns:
        The new links as indices of spots, shape ``(k, 2)``.

    Raises:
        TrackingError: There are more candidates than memory is meant for.

    Source: Jaqaman et al. 2008, doi:10.1038/nmeth.1237, figure 1c; which spots may be linked and the one cost of
    staying unlinked are those of TrackMate's LAP tracker.
    """
    has_next, has_previous = np.zeros((2, len(frames)), bool)
    has_next[links[:, 0]] = has_previous[links[:, 1]] = True
    ends, starts = np.flatnonzero(~has_next), np.flatnonzero(~has_previous)
    searches = [
        (ends, starts, step, options.gap_radius or radius) for step in range(1, _longest_step(frames, options) + 1)
    ]
    middles = np.flatnonzero(has_previous & has_next)
    if options.merging:
        searches.append((ends[has_previous[ends]], middles, 1, options.merging_radius or radius))
    if options.splitting:
        searches.append((middles, starts[has_next[starts]], 1, options.splitting_radius or radius))
    found, n_found = [], 0
    for sources, targets, step, farthest in searches:
        for batch in candidate_links(frames, positions, sources, targets, step, farthest):
            found.append(batch)
            n_found += len(batch[0])
            if n_found > MOST_CANDIDATES:
                raise TrackingError(
                    f"gaps of up to {options.longest_gap} frames leave more than {MOST_CANDIDATES:,} links to choose "
                    "from: choose a smaller --max-gap or --search-radius"
                )
    if not n_found:
        return np.empty((0, 2), np.int64)
    sources, targets, costs = map(np.concatenate, zip(*found, strict=True))
    alternative = ALTERNATIVE_FACTOR * np.percentile(costs, options.cutoff_percentile, method="nearest")
    chosen = best_matching(sources, targets, max(alternative, LEAST_ALTERNATIVE) - costs)
    return np.stack([sources[chosen], targets[chosen]], axis=1)


def _longest_step(frames: np.ndarray, options: LinkingOptions) -> int:
    """Frames from the source of a link to its target at most; 0 where gaps are not to be closed."""
    return min(options.longest_gap + 1, int(frames[-1] - frames[0])) if options.longest_gap else 0
