from typing import Literal

import numpy as np
from pydantic import BaseModel, Field

from tracking.simulation.lifetimes import Lifetimes
from tracking.simulation.ranges import Range, draw
from tracking.simulation.walk import Walk, add_up


class BrownianMotion(BaseModel, extra="forbid", frozen=True):
    """Independent normal steps along every axis: free diffusion."""

    kind: Literal["brownian"] = "brownian"
    step: Range = Field(default=(2.0, 2.0), description="Standard deviation of a step along each axis, in pixels.")

    def walk(self, lifetimes: Lifetimes, n_axes: int, rng: np.random.Generator) -> Walk:
        """Paths of the particles, in pixels along each of the ``n_axes``."""
        step = draw(self.step, lifetimes.n_particles, rng)
        steps = rng.standard_normal((lifetimes.n_spots, n_axes)) * step[lifetimes.particle(), None]
        return Walk(add_up(steps, lifetimes))
