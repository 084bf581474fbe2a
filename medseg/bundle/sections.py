"""Sections of a bundle's metadata that are medseg's own and hold what was measured of its weights."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Class = Annotated[int, Field(gt=0, description="A label value; never the background.")]
Option = Literal["largest_component", "fill_holes"]


class Calibration(BaseModel, extra="forbid"):
    """What makes the probabilities of a bundle honest: its logits are divided by ``temperature``.

    The most probable class of a voxel of the network stays the same. Where these are interpolated to another grid, a
    voxel between two classes can become the other one.
    """

    temperature: float = Field(gt=0, allow_inf_nan=False)
    fitted_on: str = Field(description="The cases it was fitted on; never those of the test.")
    n: int = Field(gt=0, description="Number of these cases.")
    ece_before: float = Field(ge=0, le=1, description="Expected calibration error on these cases at temperature 1.")
    ece_after: float = Field(ge=0, le=1, description="The same at ``temperature``.")
    ece_foreground_before: float | None = Field(None, description="Where prediction or reference is no background.")
    ece_foreground_after: float | None = None


class PostprocessingEvidence(BaseModel, extra="forbid"):
    """What an option of post-processing was measured to do to the Dice of a class, on cases held out."""

    option: Option
    value: Class
    gain: float | None = Field(description="Mean gain of Dice over the cases; None where it is defined in none.")
    low_95: float | None = Field(description="Lower end of its paired 95 percent bootstrap interval.")
    high_95: float | None
    n: int = Field(ge=0, description="Cases where Dice is defined before and after.")
    kept: bool = Field(description="Whether the interval lies above zero and is of six patients at least.")


class Postprocessing(BaseModel, extra="forbid"):
    """What is done to a label after the bundle's own chain: each option for the classes it was measured to help."""

    largest_component: list[Class] = []
    fill_holes: list[Class] = []
    evidence: list[PostprocessingEvidence] = []
