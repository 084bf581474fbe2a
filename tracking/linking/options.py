from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationInfo, field_validator

Method = Literal["lap", "recurrent", "trackpy", "trackpy-adaptive", "trackpy-velocity", "nearest"]
Distance = Annotated[float, Field(gt=0, allow_inf_nan=False)]
# One frame fewer than the longest link that the network knows, `tracking.dpht.cell.MAX_STEP`.
LONGEST_RECURRENT_GAP = 7


class LinkingOptions(BaseModel, extra="forbid", frozen=True):
    """How spots are linked into particles; written unchanged into the run's record."""

    method: Method = Field(
        "lap",
        description="lap: optimal assignment, frame to frame and then across gaps, as TrackMate's LAP tracker does. "
        "recurrent: a network weighs past and future of every track; it must be given. "
        "trackpy, trackpy-adaptive, trackpy-velocity: trackpy's linker, plain, with a radius that shrinks in crowds, "
        "or with positions predicted by the velocity of the nearest particle. nearest: the closest pair first.",
    )
    search_radius: Distance | None = Field(
        None,
        description="Farthest a particle moves between two frames, in pixels; recurrent only begins with it. "
        "None: estimated from the spots.",
    )
    max_gap: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="Frames in a row in which a particle may stay undetected within its track; at most 7 with "
        "recurrent. None: 1; with recurrent 2, or more where particles are missed often.",
    )
    hypotheses: int = Field(
        1,
        ge=0,
        le=8,
        description="Futures of every spot that are kept in mind, 0 to see the next frame only; recurrent.",
    )
    gap_radius: Distance | None = Field(
        None, description="Farthest a particle moves across a gap, in pixels; lap only. None: the search radius."
    )
    merging: bool = Field(False, description="Whether two particles can become one; lap and recurrent.")
    merging_radius: Distance | None = Field(
        None, description="Farthest a particle moves as it merges, in pixels. None: the search radius."
    )
    splitting: bool = Field(False, description="Whether one particle can become two; lap and recurrent.")
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

    @property
    def longest_gap(self) -> int:
        """Frames in a row in which a particle may stay undetected; the recurrent tracker, left alone, finds out."""
        return 1 if self.max_gap is None else self.max_gap

    @field_validator("max_gap")
    @classmethod
    def _is_no_longer_than_the_network_looks(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and value > LONGEST_RECURRENT_GAP and info.data.get("method") == "recurrent":
            raise ValueError(f"must be at most {LONGEST_RECURRENT_GAP} with the method recurrent")
        return value

    @field_validator(
        *("gap_radius", "merging", "merging_radius", "splitting", "splitting_radius", "cutoff_percentile"),
        *("hypotheses", "adaptive_stop", "adaptive_step"),
    )
    @classmethod
    def _belongs_to_method(cls, value: object, info: ValidationInfo) -> object:
        name = str(info.field_name)
        method = {"adaptive": "trackpy-adaptive", "hypotheses": "recurrent"}.get(name.split("_")[0], "lap")
        is_default = value == cls.model_fields[name].default
        methods = [method, "recurrent"] if name in ("merging", "splitting") else [method]
        if not is_default and info.data.get("method", method) not in methods:
            raise ValueError(f"is for the method {' or '.join(methods)} alone")
        return value
