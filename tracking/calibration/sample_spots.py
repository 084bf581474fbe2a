from collections.abc import Callable

import numpy as np
import pandas as pd

from tracking.detection import Detector
from tracking.io.movie import Movie, UnreadableFrame

# Spots that are looked at, and frames at least and at most.
ENOUGH_SPOTS, LEAST_FRAMES, MOST_FRAMES = 10_000, 30, 300


def sample_spots(
    movie: Movie,
    detector: Detector,
    *,
    skip_bad_frames: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Spots of successive frames in the middle of a movie, as many as its calibration looks at.

    Args:
        movie: Frames are read one by one.
        detector: Of the movie.
        skip_bad_frames: Pass over frames that cannot be read.
        progress: Called with the number of frames done and of all.

    Returns:
        The detector's columns and ``frame``.

    Raises:
        UnreadableFrame: A frame cannot be read, and ``skip_bad_frames`` is off.
    """
    middle = detector.detect(movie.frame(movie.n_frames // 2)) if not skip_bad_frames else None
    per_frame = max(len(middle), 1) if middle is not None else 100
    wanted = int(np.clip(ENOUGH_SPOTS / per_frame, LEAST_FRAMES, MOST_FRAMES))
    first = max((movie.n_frames - wanted) // 2, 0)
    frames = range(first, min(first + wanted, movie.n_frames))
    tables = []
    for done, index in enumerate(frames):
        try:
            tables.append(detector.detect(movie.frame(index)).assign(frame=index))
        except UnreadableFrame:
            if not skip_bad_frames:
                raise
        if progress:
            progress(done + 1, len(frames))
    if not tables:
        return detector.detect(np.zeros(detector.frame_shape, movie.dtype)).assign(frame=0)
    return pd.concat(tables, ignore_index=True)
