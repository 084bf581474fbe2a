from typing import TypeGuard

from tracking.dpht.cell import MAX_STEP
from tracking.errors import TrackingError


def require_search(depth: int | None, width: int, *, may_choose: bool = False) -> None:
    """Check the depth and the width of the search for links, as `link_recurrent` takes them.

    Args:
        depth: Frames that a link may lead ahead.
        width: Hypotheses kept about the future of every spot.
        may_choose: Whether ``depth`` may be None, for one that follows from the movie.

    Raises:
        TrackingError: One of them is no whole number or out of range.
    """
    is_chosen = depth is None and may_choose
    if not (is_chosen or (_is_whole(depth) and 1 <= depth <= MAX_STEP)):
        null = ", or null" if may_choose else ""
        raise TrackingError(f"`depth` must be a whole number from 1 to {MAX_STEP}{null}, got {depth!r}")
    if not (_is_whole(width) and width >= 0):
        raise TrackingError(f"`width` must be a whole number, 0 or more, got {width!r}")


def _is_whole(value: object) -> TypeGuard[int]:
    # Configs hold anything.
    return isinstance(value, int) and not isinstance(value, bool)
