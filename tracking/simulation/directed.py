from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, Field, model_validator

from tracking.simulation.lifetimes import Lifetimes
from tracking.simulation.ranges import Range, draw
from tracking.simulation.walk import Walk, add_up, stationary_series


class DirectedMotion(BaseModel, extra="forbid", frozen=True):
    """Nearly constant velocity, in any direction.

    Each component of a particle's velocity is normal with standard deviation ``velocity``, so that the speed in two
    dimensions has a Rayleigh distribution of mean 1.25 ``velocity``. From frame to frame a normal acceleration of
    standard deviation ``acceleration`` is added, after the velocity has shrunk by the little that keeps its
    distribution the same at every age.
    """

    kind: Literal["directed"] = "directed"
    velocity: Range = Field(
        (3.7, 4.0),
        description="Standard deviation of the velocity along each axis, in pixels per frame.",
    )
    acceleration: Range = Field(
        (0.6, 0.6),
        description="Standard deviation of the velocity's change per frame along each axis, in the same.",
    )

    @model_validator(mode="after")
    def _acceleration_at_most_velocity(self) -> Self:
        if self.acceleration[1] > self.velocity[0]:
            raise ValueError(f"`acceleration` must be at most `velocity`, got {self.acceleration} and {self.velocity}")
        return self

    def walk(self, lifetimes: Lifetimes, n_axes: int, rng: np.random.Generator) -> Walk:
        """Paths of the particles, in pixels along each of the ``n_axes``."""
        velocity = draw(self.velocity, lifetimes.n_particles, rng)
        acceleration = draw(self.acceleration, lifetimes.n_particles, rng)
        return Walk(add_up(stationary_series(velocity, acceleration, lifetimes, n_axes, rng), lifetimes))
