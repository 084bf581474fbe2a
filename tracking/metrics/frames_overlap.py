from tracking.tracks import Tracks


def frames_overlap(reference: Tracks, candidate: Tracks) -> bool:
    """Whether the frames of the two, each from its first to its last, have one in common.

    Where they have none, every measure is defined and says that all was missed; more likely the files belong to
    different movies, or one of them counts frames from elsewhere. That is for the caller to say. Without a spot there
    are no frames, and nothing overlaps.
    """
    ours, theirs = reference.spots["frame"], candidate.spots["frame"]
    if ours.empty or theirs.empty:
        return False
    return bool(ours.min() <= theirs.max() and theirs.min() <= ours.max())
