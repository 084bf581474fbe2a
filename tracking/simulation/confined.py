from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, Field, model_validator

from tracking.simulation.lifetimes import Lifetimes
from tracking.simulation.ranges import Range, draw
from tracking.simulation.walk import Walk, stationary_series


class ConfinedMotion(BaseModel, extra="forbid", frozen=True):
    """Diffusion in a harmonic well, one for each particle: it stays about where it is born.

    The distance from the middle of the well is an Ornstein-Uhlenbeck process looked at once a frame, in equilibrium
    from birth. The mean square displacement along an axis rises from about ``step^2`` to ``2 radius^2``.
    """

    kind: Literal["confined"] = "confined"
    step: Range = Field(
        default=(1.0, 1.0), description="Standard deviation of a step's random part, in pixels per axis."
    )
    radius: Range = Field(default=(2.0, 2.0), description="Standard deviation of the positions, in pixels per axis.")

    @model_validator(mode="after")
    def _step_at_most_radius(self) -> Self:
        if self.step[1] > self.radius[0]:
            raise ValueError(f"`step` must be at most `radius`, got {self.step} and {self.radius}")
        return self

    def walk(self, lifetimes: Lifetimes, n_axes: int, rng: np.random.Generator) -> Walk:
        """Paths of the particles, in pixels along each of the ``n_axes``."""
        step = draw(self.step, lifetimes.n_particles, rng)
        radius = draw(self.radius, lifetimes.n_particles, rng)
        from_middle = stationary_series(radius, step, lifetimes, n_axes, rng)
        return Walk(from_middle - from_middle[lifetimes.particle()])
