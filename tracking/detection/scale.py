from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter
from scipy.spatial import cKDTree

from tracking.detection.calibration import Frame, calibrate_background
from tracking.detection.candidates import FILTER_SCALE, Candidates, finder_for
from tracking.detection.gaussian_fit import fit_spots
from tracking.detection.maxima import local_maxima

# Standard deviations of spots that are looked for, in pixels.
SMALLEST, LARGEST = 0.6, 12.0
SCALES_PER_OCTAVE = 2
# How many spots take part: the brightest of all, the loneliest of each frame.
N_SPOTS = 300
# A spot is alone if no other is within this many standard deviations.
LONE = 6.0
# Most spots shall be this many times as high as the threshold.
CLEAR = 1.4
# As many of a frame take part even if they are not alone.
FEW_SPOTS = 20
# Fewer tell no size.
FEWEST_SPOTS = 3
# Where no size can be told.
DEFAULT_SIGMA = 1.0
DEFAULT_SIGMA_Z = 1.0


def estimate_sigma(
    frames: Sequence[Frame], sigma: float | None, sigma_z: float | None, step: float
) -> tuple[float, ...] | None:
    """Standard deviation of a movie's spots for each axis, from a sample of its frames.

    First the scale at which a scale-normalised Laplacian of Gaussian answers most, for the spots that answer most;
    then Gaussian fits, each time with the width that the last ones ask for.

    Args:
        frames: Frames and their missing pixels.
        sigma: Standard deviation in y and x if it is known.
        sigma_z: That along z if it is known.
        step: Smallest difference between two intensities.

    Returns:
        None if the frames hold too few spots to tell.

    Source: Lindeberg 1998, doi:10.1023/A:1008045108935, for the choice of scale.
    """
    ndim = frames[0][0].ndim
    is_known = [*[sigma_z is not None][: ndim - 2], sigma is not None]
    if sigma is None:
        sigma = _scale_of_strongest(frames, step)
        if sigma is None:
            return None
    first = [DEFAULT_SIGMA_Z if sigma_z is None else sigma_z][: ndim - 2]
    widths = np.array([*first, sigma])
    if all(is_known):
        return _per_axis(widths)
    for _ in range(4):
        before = widths
        spots, gain = _lone_spots(frames, _per_axis(widths), step)
        if sum(len(found.positions) for _, found in spots) < FEWEST_SPOTS:
            return None
        for _ in range(8):
            wanted = np.where(is_known, widths, _width_of_fits(spots, gain, widths))
            is_done = (np.abs(wanted - widths) < 0.005 * widths).all()
            widths = wanted
            if is_done:
                break
        if (np.abs(widths - before) < 0.1 * before).all():
            break
    return _per_axis(widths)


def _per_axis(widths: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """From (z, in plane) to one for each axis."""
    return (*(float(width) for width in widths), float(widths[-1]))


def _scale_of_strongest(frames: Sequence[Frame], step: float) -> float | None:
    """Scale of the brightest maxima over position and scale, in the plane; None if there are too few."""
    sigmas: list[npt.NDArray[np.float64]] = []
    strengths: list[npt.NDArray[np.float64]] = []
    # A stack is looked at from above.
    planes = [values.max(axis=0) if values.ndim == 3 else values for values, _ in frames[:3]]
    largest = min(LARGEST, min(planes[0].shape) / 6)
    n_scales = max(3, int(np.log2(max(largest, SMALLEST) / SMALLEST) * SCALES_PER_OCTAVE) + 1)
    ladder = SMALLEST * 2 ** (np.arange(n_scales) / SCALES_PER_OCTAVE)
    finders = [finder_for("log", (s, s), planes[0].shape, 0.1, step, scale=1) for s in ladder]
    for plane in planes:
        responses = [finder.spot_filter.apply(plane) for finder in finders]
        around = [maximum_filter(response, 3) for response in responses]
        for level, finder in enumerate(finders[:-1]):
            response = responses[level]
            places = local_maxima(response, finder.threshold(finder.noise(plane, response)))
            index = tuple(places.T)
            here = response[index]
            above = around[level + 1][index]
            below = around[level - 1][index] if level else np.full(len(here), -np.inf, np.float32)
            is_best = (here >= above) & (here > below)
            here, above, below = here[is_best], above[is_best], below[is_best]
            below = np.where(np.isfinite(below), below, above)
            curvature = 2 * here - above - below
            shift = (above - below) / np.maximum(2 * curvature, 1e-30)
            sigmas.append(ladder[level] * 2 ** (np.clip(shift, -0.5, 0.5) / SCALES_PER_OCTAVE))
            strengths.append(here.astype(np.float64))
    sigma, strength = np.concatenate(sigmas), np.concatenate(strengths)
    if len(sigma) < FEWEST_SPOTS:
        return None
    strongest = np.argsort(-strength, kind="stable")[:N_SPOTS]
    return _weighted_median(sigma[strongest], strength[strongest])


def _lone_spots(
    frames: Sequence[Frame], sigma: tuple[float, ...], step: float
) -> tuple[list[tuple[Frame, Candidates]], float]:
    """Spots far from others, with their frames, and the gain; of a crowded frame the ones farthest from others."""
    spots: list[tuple[Frame, Candidates]] = []
    gain = 0.0
    # Spots near the threshold are those that noise makes narrow. If most are, the scale that raises lone spots highest
    # above the noise is better than the one that parts neighbours.
    for scale in (FILTER_SCALE, np.sqrt(3)):
        finder = finder_for("log", sigma, frames[0][0].shape, 0.1, step, scale=scale)
        finder = calibrate_background(finder, frames[:1])
        gain = finder.gain
        peak = finder.peak_response / finder.noise_gain
        spots, heights = [], []
        for frame in frames:
            found = finder.find(*frame)
            heights.append(found.masses * peak / np.sqrt(found.noise_variances))
            distance = _distance_to_nearest(found.positions / np.array(sigma))
            order = np.argsort(-distance, kind="stable")
            spots.append((frame, found[order[: max(int((distance > LONE).sum()), FEW_SPOTS)][:N_SPOTS]]))
        height = np.concatenate(heights)
        if len(height) and np.median(height) > CLEAR * finder.height:
            break
    return spots, gain


def _width_of_fits(
    spots: Sequence[tuple[Frame, Candidates]], gain: float, widths: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Standard deviation (z, in plane) that fits to the spots ask for, if these begin with ``widths``."""
    steps, variances = [], []
    for (values, missing), found in spots:
        fit = fit_spots(values, found.positions, found.masses, _per_axis(widths), found.noise_variances, gain, missing)
        steps.append(fit.sigma_step[fit.succeeded])
        variances.append(fit.sigma_variance[fit.succeeded])
    step, variance = np.concatenate(steps), np.concatenate(variances)
    if not len(step):
        return widths
    # A few very bright spots shall not decide alone.
    weights = 1 / np.maximum(variance, (0.1 * widths) ** 2)
    wanted = widths + [_weighted_median(*axis) for axis in zip(step.T, weights.T, strict=True)]
    return np.clip(wanted, 0.75 * widths, 1.33 * widths).clip(0.4, 1.5 * LARGEST)


def _distance_to_nearest(positions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if len(positions) < 2:
        return np.full(len(positions), np.inf)
    distances: npt.NDArray[np.float64] = cKDTree(positions).query(positions, 2)[0]
    return distances[:, 1]


def _weighted_median(values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> float:
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
