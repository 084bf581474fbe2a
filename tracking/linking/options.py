from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationInfo, field_validator

Method = Literal["lap", "trackpy", "trackpy-adaptive", "trackpy-velocity", "nearest"]
Distance = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class LinkingOptions(BaseModel, extra="forbid", frozen=True):
    """How spots are linked into particles; written unchanged into the run's record."""

    method: Method = Field(
        "lap",
        description="lap: optimal assignment, frame to frame and then across gaps, as TrackMate's LAP tracker does. "
        "trackpy, trackpy-adaptive, trackpy-velocity: trackpy's linker, plain, with a radius that shrinks in crowds, "
        "or with positions predicted by the velocity of the nearest particle. nearest: the closest pair first.",
    )
    search_radius: Distance | None = Field(
        None, description="Farthest a particle moves between two frames, in pixels. None: estimated from the spots."
    )
    max_gap: int = Field(
        1, ge=0, le=1000, description="Frames in a row in which a particle may stay undetected within its track."
    )
    gap_radius: Distance | None = Field(
        None, description="Farthest a particle moves across a gap, in pixels; lap only. None: the search radius."
    )
    merging: bool = Field(False, description="Whether two particles can become one; lap only.")
    merging_radius: Distance | None = Field(
        None, description="Farthest a particle moves as it merges, in pixels. None: the search radius."
    )
    splitting: bool = Field(False, description="Whether one particle can become two; lap only.")
    splitting_radius: Distance | None = Field(
        None, description="Farthest a particle moves as it splits off, in pixels. None: the search radius."
    )
    cutoff_percentile: float = Field(
        100,
        ge=0,
        le=100,
        description="Percentile of the costs of all gaps, merges and splits above which none is made; lap only. "
        "TrackMate has 90, which loses true links where particles are few.",
    )
    z_scale: Distance = Field(1.0, description="Pixels per slice, by which z is multiplied to measure distances.")
    adaptive_stop: Distance | None = Field(
        None,
        description="Radius in pixels below which trackpy-adaptive gives up. None: a tenth of the search radius.",
    )
    adaptive_step: float = Field(
        0.95, gt=0, lt=1, description="Factor by which trackpy-adaptive shrinks the radius of a crowd, time after time."
    )

    @field_validator(
        *("gap_radius", "merging", "merging_radius", "splitting", "splitting_radius", "cutoff_percentile"),
        *("adaptive_stop", "adaptive_step"),
    )
    @classmethod
    def _belongs_to_method(cls, value: object, info: ValidationInfo) -> object:
        method = "trackpy-adaptive" if str(info.field_name).startswith("adaptive") else "lap"
        is_default = value == cls.model_fields[str(info.field_name)].default
        if not is_default and info.data.get("method", method) != method:
            raise ValueError(f"is for the method {method} alone")
        return value
