from pydantic import BaseModel, Field


class CalibrationOptions(BaseModel, extra="forbid", frozen=True, allow_inf_nan=False):
    """How a tracker is calibrated to a movie; written unchanged into the run's record."""

    minutes: float = Field(
        3.0, ge=0, le=600, description="Minutes of training, at 60 steps a minute; 0 leaves the weights as they are."
    )
    rounds: int = Field(5, ge=2, le=50, description="Rounds of simulating, comparing and adjusting.")
    n_movies: int = Field(6, ge=3, le=100, description="Simulated movies that the expected measures are taken on.")
    seed: int = Field(0, ge=0, description="Of all random numbers.")
