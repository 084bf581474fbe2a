import numpy as np

from tracking.errors import TrackingError

# What a seed is used for, so that no two uses share a stream of random numbers.
_TRACKS, _FRAMES = 0, 1


def tracks_generator(seed: int) -> np.random.Generator:
    """Random numbers for the tracks of the movie of ``seed``."""
    return _generator(seed, (_TRACKS,))


def frame_generator(seed: int, frame: int) -> np.random.Generator:
    """Random numbers for one frame of the movie of ``seed``: each frame has its own, so it can be drawn alone."""
    return _generator(seed, (_FRAMES, frame))


def _generator(seed: int, key: tuple[int, ...]) -> np.random.Generator:
    if seed < 0:
        raise TrackingError(f"`seed` must be a whole number from 0, got {seed}")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
