from collections.abc import Iterator
from typing import Literal

import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from tracking.dpht.stream import Lesson, lessons

Stream = Literal["training", "validation", "evaluation"]
# Lessons of different streams have nothing in common, whatever their seeds.
_KEYS: dict[Stream, int] = {"training": 0, "validation": 1, "evaluation": 2}


class LessonDataset(IterableDataset[Lesson]):
    """Simulated lessons, each known by the stream, the seed and its number.

    They are the same with any number of worker processes. For training, `set_random_state` gives every epoch a seed of
    its own, so that no lesson comes twice; the other streams keep theirs and are always the same.

    Args:
        length: Lessons of one pass.
        stream: What they are for.
        seed: Of the stream, not negative.
        n_movies: Movies of one lesson.
        n_frames: Frames of each.
        n_particles: Mean number of particles in a frame.
    """

    def __init__(
        self,
        length: int,
        *,
        stream: Stream = "training",
        seed: int = 0,
        n_movies: int = 8,
        n_frames: int = 24,
        n_particles: float = 32.0,
    ) -> None:
        if length < 1:
            raise ValueError(f"`length` must be positive, got {length}")
        if stream not in _KEYS:
            raise ValueError(f"`stream` must be one of {', '.join(_KEYS)}, got {stream!r}")
        self.length, self.stream, self.seed = length, stream, seed
        self.n_movies, self.n_frames, self.n_particles = n_movies, n_frames, n_particles

    def set_random_state(self, seed: int) -> None:
        """Make the next pass one of other lessons."""
        self.seed = seed

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Lesson]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker is not None else (0, 1)
        for number in range(first, self.length, step):
            yield self._lesson(number)

    def _lesson(self, number: int) -> Lesson:
        sequence = np.random.SeedSequence(self.seed, spawn_key=(_KEYS[self.stream], number))
        endless = lessons(
            np.random.default_rng(sequence),
            n_movies=self.n_movies,
            n_frames=self.n_frames,
            n_particles=self.n_particles,
        )
        return next(endless)
