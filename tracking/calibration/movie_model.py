from pydantic import BaseModel, Field, NonNegativeFloat, PositiveFloat

from tracking.simulation.motion import Motion


class MovieModel(BaseModel, extra="forbid", frozen=True, allow_inf_nan=False):
    """Everything that a simulated movie like the user's depends on, but its size and its random numbers.

    Intensities are the movie's own; lengths are in pixels.
    """

    motions: tuple[Motion, ...] = Field(min_length=1, description="Motion models of equal shares of the particles.")
    density: PositiveFloat = Field(description="Particles in a frame, per pixel of the frame.")
    survival: float = Field(gt=0, le=1, description="Probability that a particle lives on to the next frame.")
    hidden: float = Field(0.0, ge=0, le=0.9, description="Probability that a particle shows no light in a frame.")
    clutter: NonNegativeFloat = Field(0.0, description="Spots of one frame that are no particles, per particle.")
    signal: PositiveFloat = Field(description="Height of the middle spot's peak above the background.")
    signal_spread: NonNegativeFloat = Field(0.0, description="Standard deviation of the logarithm of that height.")
    psf_sigma: PositiveFloat = Field(description="Standard deviation of a spot, across its motion if it is long.")
    psf_elongation: float = Field(1.0, ge=1, le=5, description="How many times longer it is along its motion.")
    psf_sigma_z: PositiveFloat = Field(0.6, description="Standard deviation of a spot along z, in slices.")
    z_spacing: PositiveFloat = Field(1.0, description="Distance between two slices, in pixels.")
    background: float = Field(description="Intensity beside the spots.")
    noise: PositiveFloat = Field(description="Standard deviation of the intensity there.")
    gain: NonNegativeFloat = Field(description="By how much the variance of the noise grows with the intensity.")
    dark: bool = Field(False, description="Whether spots are darker than the background.")
