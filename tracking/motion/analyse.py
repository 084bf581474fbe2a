from typing import Literal

import numpy as np
import pandas as pd

from tracking.motion.cautions import drift_size, motion_warnings
from tracking.motion.classification import CLASSES
from tracking.motion.diffusion import Diffusion, diffusion_of_paths
from tracking.motion.displacements import clock, default_max_lag, pairs_at_lag
from tracking.motion.drift import estimate_drift, remove_drift
from tracking.motion.msd import ensemble_msd
from tracking.motion.paths import Paths, measured_paths
from tracking.motion.per_track import track_table
from tracking.motion.report import MotionReport
from tracking.motion.units import axis_scales, require_exposure, require_frame_interval, require_pixel_size
from tracking.tracks import Tracks

# A drift taken from fewer particles is mostly their own motion.
MINIMUM_PARTICLES_FOR_DRIFT = 5
N_BINS = 61


def analyse_motion(
    tracks: Tracks,
    pixel_size: float | None = None,
    frame_interval: float | None = None,
    *,
    z_step: float | None = None,
    exposure: float | None = None,
    drift: Literal["auto", "remove", "keep"] = "auto",
    first_lag: int | None = None,
    max_lag: int | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> MotionReport:
    """All of motion analysis: drift, mean squared displacement, D, exponent, localisation error, and kinds of motion.

    Args:
        tracks: in pixels and slices; none at all gives a report of nothing, with a warning.
        pixel_size: micrometres per pixel; by default what the tracks say.
        frame_interval: seconds per frame; by default what the tracks say.
        z_step: micrometres per slice, in three dimensions; by default what the tracks say.
        exposure: seconds a frame is exposed, if known; it tells motion blur from localisation error.
        drift: take the common drift off, keep it, or (``auto``) take it off if it is three times its standard error and
            at least 5 particles tell it.
        first_lag: shortest lag for D and alpha, in frames; by default found from the tracks, see `diffusion`.
        max_lag: longest lag, in frames; by default a quarter of the tracks' length, at most 25.
        n_resamples: resamples of tracks for the intervals.
        seed: of the resampling.

    Raises:
        TrackingError: pixel size, frame interval or distance of the slices is unknown or not positive, the exposure is
            longer than a frame, or ``first_lag`` leaves fewer than two lags.
        ValueError: ``drift`` is none of the three words, or a lag is below 1.
    """
    pixel_size = require_pixel_size(tracks, pixel_size)
    frame_interval = require_frame_interval(tracks, frame_interval)
    scales = axis_scales(tracks, pixel_size, z_step)
    exposure = require_exposure(exposure, frame_interval)
    if drift not in ("auto", "remove", "keep"):
        raise ValueError(f"`drift` must be auto, remove or keep, got {drift!r}")
    for name, value in (("first_lag", first_lag), ("max_lag", max_lag)):
        if value is not None and value < 1:
            raise ValueError(f"`{name}` must be at least 1, got {value}")

    common = estimate_drift(tracks)
    is_removed = drift == "remove" or (drift == "auto" and _is_clear(common, tracks.axes))
    raw_paths = measured_paths(tracks, pixel_size, z_step)
    if is_removed:
        tracks = remove_drift(tracks, common)
    paths = measured_paths(tracks, pixel_size, z_step)
    fit = diffusion_of_paths(paths, frame_interval, exposure, first_lag, max_lag, n_resamples, seed)
    table = track_table(paths, frame_interval, fit)
    msd = ensemble_msd(
        tracks,
        pixel_size,
        frame_interval,
        z_step=z_step,
        max_lag=max_lag or max(default_max_lag(paths), fit.last_lag),
        n_resamples=n_resamples,
        seed=seed,
    )
    line = fit.intercept_um2 + 2 * fit.n_axes * fit.coefficient_um2_s.value * msd["lag_s"]
    msd["fit_um2"] = line.where(msd["lag"] >= fit.first_lag)
    in_micrometres = pd.DataFrame({"frame": common["frame"], "time_s": common["frame"] * frame_interval})
    for axis, scale in reversed(list(zip(tracks.axes, scales, strict=True))):
        in_micrometres[f"{axis}_um"] = common[axis] * scale
    in_micrometres["n_particles"] = common["n_particles"]
    counts = {name: int((table["motion"] == name).sum()) for name in CLASSES}
    return MotionReport(
        msd=msd,
        tracks=table,
        diffusion=fit,
        drift=in_micrometres,
        drift_removed=is_removed,
        displacements=_displacements(paths, fit, frame_interval),
        displacement_lag=fit.first_lag,
        counts=counts,
        n_spots=len(paths.code),
        n_interpolated=len(tracks.spots) - len(paths.code),
        pixel_size_um=pixel_size,
        frame_interval_s=frame_interval,
        warnings=motion_warnings(
            raw_paths,
            fit,
            table,
            drift_size(common, tracks.axes, scales),
            is_removed,
            exposure,
            frame_interval,
            is_first_lag_given=first_lag is not None,
        ),
    )


def _is_clear(drift: pd.DataFrame, axes: tuple[str, ...]) -> bool:
    """Whether enough particles tell a drift that is beyond what their own motion would look like."""
    if len(drift) < 2 or drift["n_particles"].iloc[1:].median() < MINIMUM_PARTICLES_FOR_DRIFT:
        return False
    return any(abs(drift[axis].iloc[-1]) > 3 * np.sqrt(np.nansum(drift[f"{axis}_se"] ** 2)) for axis in axes)


def _displacements(paths: Paths, fit: Diffusion, frame_interval: float) -> pd.DataFrame:
    """Histogram of the displacements along each axis, and the Gaussian that D and the error give."""
    earlier, later = pairs_at_lag(clock(paths, fit.first_lag), fit.first_lag)
    moved = (paths.positions[later] - paths.positions[earlier]).ravel()
    columns = ("displacement_um", "density_per_um", "gaussian_per_um", "count")
    if not len(moved):
        return pd.DataFrame({name: np.empty(0) for name in columns})
    # Five standard deviations of the bulk: one wrong link must not squeeze all others into one bin.
    reach = max(5 * 1.4826 * float(np.median(np.abs(moved))), float(np.finfo(np.float32).eps))
    counts, edges = np.histogram(moved, N_BINS, (-reach, reach))
    middle, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    variance = 2 * fit.coefficient_um2_s.value * fit.first_lag * frame_interval + fit.intercept_um2 / fit.n_axes
    gaussian = np.full(len(middle), np.nan)
    if variance > 0:
        gaussian = np.exp(-(middle**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    values = (middle, counts / (len(moved) * width), gaussian, counts)
    return pd.DataFrame(dict(zip(columns, values, strict=True)))
