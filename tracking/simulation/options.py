import math
from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from tracking.simulation.motion import Motion
from tracking.simulation.snr import peak_over_background

# What is held in memory at once stays below a few GiB: a frame in double precision, and the truth of the movie.
_LARGEST_FRAME, _MOST_SPOTS = 2**26, 10**7


class SimulationOptions(BaseModel, extra="forbid", frozen=True, allow_inf_nan=False):
    """Everything but the seed that a simulated movie depends on; written unchanged into the run's record."""

    motion: Motion = Field(description="How particles move.")
    particles_per_frame: PositiveFloat = Field(description="Particles in a frame, on average.")
    survival: float = Field(
        default=0.95,
        gt=0,
        le=1,
        description="Probability that a particle lives on to the next frame; it can leave the field besides.",
    )
    snr: PositiveFloat = Field(
        default=4.0,
        description="(I - b) / sqrt(I), I being a spot's peak on background b, centred on a pixel.",
    )
    n_frames: PositiveInt = Field(default=100, le=10**6, description="Frames of the movie.")
    frame_shape: tuple[PositiveInt, ...] = Field(
        default=(512, 512),
        min_length=2,
        max_length=3,
        description="Rows and columns of a frame, or slices, rows and columns.",
    )
    z_spacing: PositiveFloat = Field(default=1.0, description="Distance between two slices, in pixels.")
    psf_sigma: float = Field(
        default=0.85, ge=0.4, le=20, description="Standard deviation of a spot in pixels, across its motion."
    )
    psf_elongation: float = Field(
        default=1.0, ge=1, le=5, description="How many times longer a spot is along its motion than across."
    )
    psf_sigma_z: float = Field(
        default=0.6, ge=0.1, le=20, description="Standard deviation of a spot along z, in slices."
    )
    background: NonNegativeFloat = Field(default=10.0, description="Photons per pixel beside those of the particles.")
    bleaching: float = Field(
        default=0.0, ge=0, lt=1, description="Share of their light that all particles lose from each frame to the next."
    )
    gain: PositiveFloat = Field(default=1.0, description="Camera counts per photon.")
    offset: NonNegativeFloat = Field(default=0.0, description="Camera counts without light.")
    read_noise: NonNegativeFloat = Field(
        default=0.0, description="Standard deviation of the camera's own noise, in counts."
    )
    bit_depth: Literal[8, 16] = Field(default=8, description="Bits of a pixel; counts beyond are clipped.")

    @model_validator(mode="after")
    def _fits_in_memory(self) -> Self:
        if math.prod(self.frame_shape) > _LARGEST_FRAME:
            raise ValueError(f"a frame may have {_LARGEST_FRAME} pixels at most, got `frame_shape` {self.frame_shape}")
        if self.particles_per_frame * self.n_frames > _MOST_SPOTS:
            raise ValueError(
                f"a movie may have {_MOST_SPOTS} spots at most, got `particles_per_frame` "
                f"{self.particles_per_frame:g} in `n_frames` {self.n_frames}"
            )
        return self

    @model_validator(mode="after")
    def _fits_in_bits(self) -> Self:
        brightest = self.offset + self.gain * (self.background + self.peak)
        if brightest > 2**self.bit_depth - 1:
            remedy = "lower `snr`, `background`, `gain` or `offset`" + (", or use 16" if self.bit_depth == 8 else "")
            raise ValueError(
                f"a spot's peak at `snr` {self.snr:g} is {brightest:.0f} counts, more than `bit_depth` "
                f"{self.bit_depth} holds: {remedy}"
            )
        return self

    @property
    def peak(self) -> float:
        """Photons that a spot adds to the pixel it is centred on, before any bleaching."""
        return peak_over_background(self.snr, self.background)

    @property
    def dtype(self) -> np.dtype[np.uint8] | np.dtype[np.uint16]:
        """Type of the movie's pixels."""
        return np.dtype(np.uint8) if self.bit_depth == 8 else np.dtype(np.uint16)
