import numpy as np
import pandas as pd

from tracking.motion.bootstrap import MINIMUM_TRACKS, Estimate
from tracking.motion.diffusion import Diffusion
from tracking.motion.paths import Paths

FEW_TRACKS = 20


def drift_size(drift: pd.DataFrame, axes: tuple[str, ...], scales: np.ndarray) -> float:
    """How far all particles moved together from the first frame to the last, in micrometres."""
    if not len(drift):
        return 0.0
    return float(np.linalg.norm(drift[list(axes)].iloc[-1].to_numpy(np.float64) * scales))


def motion_warnings(
    paths: Paths,
    fit: Diffusion,
    table: pd.DataFrame,
    drift_um: float,
    drift_removed: bool,
    exposure: float | None,
    frame_interval: float,
    *,
    is_first_lag_given: bool = False,
) -> tuple[str, ...]:
    """One sentence for everything that limits what the numbers of a motion analysis mean.

    Args:
        paths: in micrometres, before a drift was taken off.
        fit: diffusion of all tracks.
        table: one row a track.
        drift_um: how far all particles moved together.
        drift_removed: whether that was taken off.
        exposure: seconds a frame is exposed; None if unknown.
        frame_interval: seconds per frame.
        is_first_lag_given: whether the user chose the shortest lag, rather than the steps that go together.
    """
    if not len(paths.code):
        return ("There is no track, so nothing could be measured.",)
    found = [
        *_of_numbers(paths, fit),
        *_of_drift(paths, fit, drift_um, drift_removed, frame_interval),
        *_of_fit(fit, exposure, is_first_lag_given),
        *_of_exponent(fit.exponent),
        *_of_kinds(table),
    ]
    return tuple(found)


def _of_numbers(paths: Paths, fit: Diffusion) -> list[str]:
    found = []
    if not np.isfinite(fit.coefficient_um2_s.value):
        found.append("There is no diffusion coefficient: it takes particles detected both one and two frames apart.")
    elif not fit.coefficient_um2_s.has_interval:
        found.append(
            f"No interval of confidence can be given from {fit.n_tracks} tracks: resampling takes the equivalent of "
            f"{MINIMUM_TRACKS} of one length."
        )
    elif fit.n_tracks < FEW_TRACKS:
        found.append(f"There are only {fit.n_tracks} tracks with steps, so the intervals are rough.")
    spans = paths.spans
    missing = 1 - len(paths.code) / float((spans + 1.0).sum())
    if missing > 0.3:
        found.append(f"Particles are missing in {missing:.0%} of the frames of their tracks.")
    last = int(paths.frame.max())
    first = int(paths.frame.min())
    tenth = max((last - first + 1) // 10, 1)
    early = np.count_nonzero(paths.frame < first + tenth) / tenth
    late = np.count_nonzero(paths.frame > last - tenth) / tenth
    if last - first >= 20 and early >= 1 and late < early / 2:
        found.append(
            f"There are {early:.0f} spots a frame at the beginning and {late:.0f} at the end (bleaching, or particles "
            "that leave): those that stay visible for long weigh more."
        )
    return found


def _of_drift(paths: Paths, fit: Diffusion, drift_um: float, is_removed: bool, frame_interval: float) -> list[str]:
    # How far a particle comes by diffusion in as much time as the drift took.
    duration = float(paths.frame.max() - paths.frame.min()) * frame_interval
    spread = np.sqrt(2 * fit.n_axes * max(fit.coefficient_um2_s.value, 0.0) * duration)
    if is_removed and drift_um > spread:
        return [
            f"Drift dominates: it moved all particles by {drift_um:.3g} µm, against {spread:.3g} µm by diffusion; "
            "it was taken off, and what of it was not shared by all is still in the numbers."
        ]
    if is_removed:
        return [f"A drift of {drift_um:.3g} µm over the movie was taken off."]
    if drift_um > spread > 0:
        return [f"All particles together moved by {drift_um:.3g} µm, and this was not taken off: it may be a drift."]
    return []


def _of_fit(fit: Diffusion, exposure: float | None, is_first_lag_given: bool) -> list[str]:
    found = []
    if fit.coefficient_um2_s.low <= 0:
        found.append(
            f"D cannot be told from 0: positions scatter by {fit.localisation_um.value:.3g} µm, and what the particles "
            "move is below that floor."
        )
    if fit.first_lag > 1 and not is_first_lag_given:
        found.append(
            f"Steps up to {fit.first_lag} frames apart go together, as directed motion, video compression or averaging "
            f"between frames makes them, so lags below {fit.first_lag} frames were left out, "
            "and the localisation error is unknown."
        )
    elif fit.first_lag == 1 and fit.error_variance_um2.high < 0:
        cause = "motion blur (give the exposure)" if exposure is None else "more than motion blur"
        found.append(f"Successive steps go together: {cause} or directed motion; the localisation error is unknown.")
    return found


def _of_exponent(exponent: Estimate) -> list[str]:
    if not exponent.has_interval or exponent.low <= 1 <= exponent.high:
        return []
    kind = "faster" if exponent.value > 1 else "slower"
    return [
        f"The motion is not Brownian: its exponent is {exponent.value:.2f} "
        f"({exponent.low:.2f} to {exponent.high:.2f}), so distances grow {kind} with time, and D is an apparent one "
        "that depends on the lags it was fitted to."
    ]


def _of_kinds(table: pd.DataFrame) -> list[str]:
    found = []
    long_enough = table["motion"] != "too short"
    n_long = int(long_enough.sum())
    spots = table["n_spots"].to_numpy()
    in_short = float(spots[~long_enough.to_numpy()].sum() / spots.sum())
    if in_short > 0.5:
        found.append(f"Tracks too short to tell their kind of motion hold {in_short:.0%} of the spots.")
    for name, meaning in (("directed", "D contains their velocity"), ("confined", "D is lower at longer lags")):
        share = float((table["motion"] == name).sum()) / n_long if n_long else 0.0
        # Of Brownian tracks 2.5 percent are called so; three standard errors more are no chance.
        if share > max(0.1, 0.025 + 3 * np.sqrt(0.025 * 0.975 / max(n_long, 1))):
            found.append(f"{share:.0%} of the {n_long} tracks long enough to tell are {name}: for them {meaning}.")
    return found
