from collections.abc import Sequence


def widened(features: Sequence[int], width: float) -> tuple[int, ...]:
    """Numbers of features times ``width``, rounded, at least 1."""
    return tuple(max(round(width * n), 1) for n in features)
