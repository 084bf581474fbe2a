from itertools import pairwise
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field, field_validator

from tracking.simulation.lifetimes import Lifetimes
from tracking.simulation.ranges import Range, draw
from tracking.simulation.walk import Walk, add_up


class SwitchingMotion(BaseModel, extra="forbid", frozen=True):
    """Phases of diffusion and phases of straight motion at constant velocity, in turns.

    A particle switches to the other kind with the same probability from either, so that half of all steps are
    directed; it is born in either kind with probability one half, which is the equilibrium. Every directed phase draws
    its own speed.
    """

    kind: Literal["switching"] = "switching"
    step: Range = Field(default=(0.8, 1.6), description="Standard deviation of a Brownian step, in pixels per axis.")
    speed: Range = Field(
        default=(2.0, 4.0), description="Length of a directed step in pixels, drawn anew for every phase."
    )
    switch_probability: Range = Field(
        default=(0.05, 0.15), description="Probability of a switch per frame, from either kind."
    )
    shared_direction: bool = Field(
        default=False,
        description="Whether all directed phases of the movie go one way, drawn once; else each draws its own.",
    )

    @field_validator("switch_probability")
    @classmethod
    def _is_probability(cls, bounds: tuple[float, float]) -> tuple[float, float]:
        if bounds[1] > 1:
            raise ValueError("must be at most 1")
        return bounds

    def walk(self, lifetimes: Lifetimes, n_axes: int, rng: np.random.Generator) -> Walk:
        """Paths of the particles, in pixels along each of the ``n_axes``, and which of their steps are directed."""
        n, n_spots = lifetimes.n_particles, lifetimes.n_spots
        step = draw(self.step, n, rng)
        probability = draw(self.switch_probability, n, rng)
        particle = lifetimes.particle()
        brownian = rng.standard_normal((n_spots, n_axes)) * step[particle, None]
        # A velocity for every spot, of which the first of each phase is the one that lasts.
        velocity = _directions(1 if self.shared_direction else n_spots, n_axes, rng)
        velocity = velocity * draw(self.speed, n_spots, rng)[:, None]
        switches = rng.random(n_spots) < np.where(np.arange(n_spots) < n, 0.5, probability[particle])
        directed = np.zeros(n_spots, bool)
        ages = lifetimes.ages()
        if ages:
            directed[ages[0]] = switches[ages[0]]
        for before, now in pairwise(ages):
            alive = now.stop - now.start
            directed[now] = directed[before][:alive] ^ switches[now]
            goes_on = directed[now] & ~switches[now]
            velocity[now][goes_on] = velocity[before][:alive][goes_on]
        return Walk(add_up(np.where(directed[:, None], velocity, brownian), lifetimes), directed)


def _directions(n: int, n_axes: int, rng: np.random.Generator) -> np.ndarray:
    """Unit vectors, all directions alike.

    Normalised normals need a square root only, which all machines round alike; sine and cosine differ in the last bit.
    """
    vectors = rng.standard_normal((n, n_axes))
    unit: np.ndarray = vectors / np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    return unit
