from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Lifetimes:
    """When the particles of a movie live, longest life first.

    With that order the particles that reach an age are the first few of all, so that a motion model takes one age
    after the other and treats all particles of it at once. Arrays with one row a spot are laid out by age: all
    particles of age 0, then those that reach age 1, and so on.

    Attributes:
        first_frame: Frame of each particle's age 0, shape ``(n,)``.
        n_alive: How many particles reach each age, shape ``(longest life,)``, never rising.
    """

    first_frame: np.ndarray
    n_alive: np.ndarray

    @property
    def n_particles(self) -> int:
        """How many particles there are."""
        return len(self.first_frame)

    @property
    def n_spots(self) -> int:
        """How many spots all particles have together."""
        return int(self.n_alive.sum())

    def ages(self) -> list[slice]:
        """Where the spots of each age lie."""
        ends = np.cumsum(self.n_alive)
        return [slice(int(end - n), int(end)) for end, n in zip(ends, self.n_alive, strict=True)]

    def particle(self) -> np.ndarray:
        """The particle of every spot, shape ``(n_spots,)``."""
        return np.concatenate([np.arange(n) for n in self.n_alive] or [np.empty(0, np.int64)])

    def frame(self) -> np.ndarray:
        """The frame of every spot, shape ``(n_spots,)``."""
        age = np.repeat(np.arange(len(self.n_alive)), self.n_alive)
        frame: np.ndarray = self.first_frame[self.particle()] + age
        return frame


def draw_lifetimes(n_expected: float, survival: float, n_frames: int, rng: np.random.Generator) -> Lifetimes:
    """Births and deaths that hold a population in equilibrium from the first frame on.

    A particle lives on to the next frame with probability ``survival``, whatever its age. Per frame a Poisson number
    of mean ``n_expected * (1 - survival)`` is born, as many as die on average. The number in a frame is then Poisson
    of mean ``n_expected`` in every frame, and so it starts; what is left of a life at the first frame is distributed
    as a whole one, because a geometric life has no memory.

    Args:
        n_expected: Particles per frame, on average.
        survival: Probability from above 0 to 1.
        n_frames: Length of the movie; lives are cut at its end.
        rng: Where the randomness comes from.
    """
    births = rng.poisson(n_expected * (1 - survival), size=n_frames)
    births[0] = rng.poisson(n_expected)
    first_frame = np.repeat(np.arange(n_frames), births)
    life = n_frames - first_frame
    if survival < 1:
        life = np.minimum(life, rng.geometric(1 - survival, size=len(life)))
    longest_first = np.argsort(-life, kind="stable")
    n_alive = np.cumsum(np.bincount(life)[:0:-1])[::-1]
    return Lifetimes(first_frame[longest_first], n_alive)
