import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from tracking.motion.bootstrap import Estimate
from tracking.motion.diffusion import Diffusion


@dataclass(frozen=True, eq=False)
class MotionReport:
    """What `analyse_motion` finds.

    Attributes:
        msd: mean squared displacement of all tracks, as `ensemble_msd` returns it, with ``fit_um2``, the line of D.
        tracks: one row a track: ``particle``, ``n_spots``, ``n_frames``, ``d_um2_s``, ``d_se_um2_s``, ``alpha``,
            ``motion``, ``moves``, ``velocity_um_s``, ``trap_um``; see `track_table` and `classify_motion`.
        diffusion: D, alpha and localisation error of all tracks together.
        drift: ``frame``, ``time_s``, ``x_um``, ``y_um``[, ``z_um``] and ``n_particles``; what was taken off if
            ``drift_removed``.
        drift_removed: whether the other numbers are of tracks without the drift.
        displacements: histogram of the displacements along one axis over ``displacement_lag`` frames:
            ``displacement_um`` (middle of the bin), ``density_per_um``, ``gaussian_per_um`` (what D and the
            localisation error let expect) and ``count``. Beyond five standard deviations of the bulk there is no bin.
        displacement_lag: in frames.
        counts: number of tracks of each kind of motion.
        n_spots: measured spots.
        n_interpolated: spots marked virtual, which were left out.
        pixel_size_um: micrometres per pixel.
        frame_interval_s: seconds per frame.
        warnings: one sentence for everything that limits what the numbers mean.
    """

    msd: pd.DataFrame
    tracks: pd.DataFrame
    diffusion: Diffusion
    drift: pd.DataFrame
    drift_removed: bool
    displacements: pd.DataFrame
    displacement_lag: int
    counts: Mapping[str, int]
    n_spots: int
    n_interpolated: int
    pixel_size_um: float
    frame_interval_s: float
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """The summary as plain numbers and texts, the unit in each name; what is undefined is None."""
        fit = self.diffusion
        by_motion = self.tracks.groupby("motion")["d_um2_s"].median()
        return {
            "diffusion_um2_s": _interval(fit.coefficient_um2_s),
            "alpha": _interval(fit.exponent),
            "localisation_error_um": _interval(fit.localisation_um),
            "first_lag_frames": fit.first_lag,
            "last_lag_frames": fit.last_lag,
            "n_tracks": len(self.tracks),
            "n_tracks_with_steps": fit.n_tracks,
            "n_steps": fit.n_steps,
            "n_spots": self.n_spots,
            "n_interpolated_spots_left_out": self.n_interpolated,
            "n_axes": fit.n_axes,
            "motion_counts": dict(self.counts),
            "n_moving_tracks": int(self.tracks["moves"].sum()),
            "median_diffusion_um2_s_by_motion": {str(key): _number(value) for key, value in by_motion.items()},
            "drift_um": {
                axis: _number(self.drift[f"{axis}_um"].iloc[-1]) if len(self.drift) else None
                for axis in ("x", "y", "z")
                if f"{axis}_um" in self.drift
            },
            "drift_removed": self.drift_removed,
            "pixel_size_um": self.pixel_size_um,
            "frame_interval_s": self.frame_interval_s,
            "warnings": list(self.warnings),
        }


def _interval(estimate: Estimate) -> dict[str, float | None]:
    return {
        "value": _number(estimate.value),
        "low_95": _number(estimate.low),
        "high_95": _number(estimate.high),
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
