from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tracking.simulation.lifetimes import Lifetimes


@dataclass(frozen=True, eq=False)
class Walk:
    """Paths of particles, each from where it starts; the rows lie as `Lifetimes` says.

    Attributes:
        displacement: From the particle's first position, in pixels along every axis, shape ``(n_spots, n_axes)`` in
            the order of a frame's axes.
        directed: Whether the particle's next step is a directed one, shape ``(n_spots,)``; None where the model knows
            one kind of step only.
    """

    displacement: np.ndarray
    directed: np.ndarray | None = None


def add_up(steps: np.ndarray, lifetimes: Lifetimes) -> np.ndarray:
    """Displacements from the start, shape ``(n_spots, n_axes)``, of steps of which each leads to the next spot."""
    displacement = np.zeros_like(steps)
    ages = lifetimes.ages()
    for before, now in pairwise(ages):
        n = now.stop - now.start
        displacement[now] = displacement[before][:n] + steps[before][:n]
    return displacement


def stationary_series(
    deviation: np.ndarray, noise: np.ndarray, lifetimes: Lifetimes, n_axes: int, rng: np.random.Generator
) -> np.ndarray:
    """A first-order autoregressive series per particle and axis, in equilibrium from age 0 on.

    Args:
        deviation: Standard deviation of the values about 0, one per particle, at every age alike.
        noise: Standard deviation of what is added from age to age, at most ``deviation``.
        lifetimes: Of the particles.
        n_axes: Number of independent series per particle.
        rng: Where the randomness comes from.

    Returns:
        Shape ``(n_spots, n_axes)``. The share ``sqrt(1 - (noise / deviation)^2)`` of a value is kept to the next age.
    """
    with np.errstate(invalid="ignore"):
        kept = np.where(deviation > 0, np.sqrt(1 - (noise / deviation) ** 2), 0.0)[:, None]
    values = rng.standard_normal((lifetimes.n_spots, n_axes))
    ages = lifetimes.ages()
    if ages:
        values[ages[0]] *= deviation[:, None]
    for before, now in pairwise(ages):
        n = now.stop - now.start
        values[now] = kept[:n] * values[before][:n] + noise[:n, None] * values[now]
    return values
