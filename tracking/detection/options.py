from typing import Literal

from pydantic import BaseModel, Field


class DetectionOptions(BaseModel, extra="forbid", allow_inf_nan=False):
    """How spots are found; written unchanged into the run's record."""

    method: Literal["log", "dog", "trackpy"] = Field(
        "log",
        description="Spot filter: Laplacian of Gaussian, difference of Gaussians, or trackpy's `locate`.",
    )
    sigma: float | None = Field(
        None,
        ge=0.3,
        le=50,
        description="Standard deviation of a spot in pixels, in y and x; measured on the movie if not given.",
    )
    sigma_z: float | None = Field(
        None,
        ge=0.3,
        le=20,
        description="Standard deviation of a spot along z in slices; measured on the movie if not given.",
    )
    false_alarms: float | None = Field(
        None,
        ge=1e-6,
        le=1e6,
        description="Spots to expect by chance on a frame that holds nothing but noise; more find fainter spots. By "
        "default one, and more as long as they bring more true spots than false ones.",
    )
    fit: bool = Field(
        True, description="Fit a Gaussian to every spot, for its position to a fraction of a pixel with its error."
    )
    dark: bool = Field(False, description="Look for dark spots on a bright ground.")
    device: str = Field(
        "auto", description="Where to filter: cpu, cuda or another device of torch; auto takes a GPU if there is one."
    )
