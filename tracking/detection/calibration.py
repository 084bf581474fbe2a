from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter

from tracking.detection.candidates import CandidateFinder, Candidates
from tracking.detection.gaussian_fit import SpotFits, fit_spots
from tracking.detection.maxima import local_maxima
from tracking.detection.noise import MEDIAN_ABSOLUTE
from tracking.detection.pixels import Mask

Frame = tuple[npt.NDArray[np.float32], Mask | None]
# With fewer spots than this and so many times what chance gives the gain is that of the background.
ENOUGH_SPOTS = 100
CHANCE_SPOTS = 5
# The background is measured where at least this share of a frame is free of spots.
LEAST_FREE = 0.1
# Rounds of finding spots with what is left when those of the last round are left out.
MAX_ROUNDS = 5
# Residuals are left out beyond this many standard deviations; of a normal variable so clipped the variance is this.
CLIP = 3.0
CLIPPED_VARIANCE = 0.9733
ROUNDS_OF_WEIGHTS = 10


def calibrate(finder: CandidateFinder, frames: Sequence[Frame]) -> CandidateFinder:
    """The finder with the noise of a movie, from a sample of its frames.

    The spots found are left out, and on the rest is measured how much they had raised the estimate of the noise
    (`CandidateFinder.crowding`). How the variance grows with the intensity (`CandidateFinder.gain`) is measured on the
    spots or, where they are few, by the skewness of the rest; for dark spots, which photon noise would make less noisy
    than the ground, it is taken as 0.
    """
    finder = calibrate_background(finder, frames[:3])
    if finder.is_dark:
        return finder
    fits: list[tuple[SpotFits, npt.NDArray[np.float64]]] = []
    for values, missing in frames:
        found = finder.find(values, missing)
        if len(found.positions):
            # Only its residuals count, which a little error in the weights hardly changes.
            fit = fit_spots(values, found.positions, found.masses, finder.sigma, found.noise_variances, 0.0, missing)
            fits.append((fit, found.noise_variances))
    n_spots = sum(int(fit.succeeded.sum()) for fit, _ in fits)
    if n_spots < ENOUGH_SPOTS + CHANCE_SPOTS * finder.false_alarms * len(frames):
        return finder
    most = float(np.median([_most_gain(values) for values, _ in frames]))
    return finder.with_noise(finder.crowding, min(_gain_of_spots(fits, finder.gain), most))


def calibrate_background(finder: CandidateFinder, frames: Sequence[Frame]) -> CandidateFinder:
    """The finder with the noise of some frames as it is where there are no spots."""
    for _ in range(MAX_ROUNDS):
        crowdings, backgrounds = [], []
        for values, missing in frames:
            background, _ = _look_at(finder, values, missing)
            if background is not None:
                backgrounds.append(background)
            crowdings.append(_white_crowding(finder, values, missing) if background is None else background.crowding)
        gain = _gain_of_background(backgrounds, finder)
        before, finder = finder.crowding, finder.with_noise(float(np.median(crowdings)), gain)
        if finder.crowding > 0.95 * before:
            break
    return finder


def _white_crowding(finder: CandidateFinder, values: npt.NDArray[np.float32], missing: Mask | None) -> float:
    """The least `CandidateFinder.crowding` can be, where spots cover the frame: were there only white noise.

    Unchanged where most of the frame is blank, which tells nothing of the noise of the rest.
    """
    white = _white_noise(values)
    return finder.crowding * white / finder.pixel_noise(values, missing) if white else finder.crowding


def _white_noise(values: npt.NDArray[np.float32]) -> float:
    """Standard deviation of what differs between neighbouring pixels and so is neither spot nor ground.

    Source: Immerkaer 1996, doi:10.1006/cviu.1996.0060.
    """
    if min(values.shape[-2:]) < 3:
        return 0.0
    rough = np.diff(np.diff(values, 2, axis=-1), 2, axis=-2)
    return float(np.median(np.abs(rough))) / MEDIAN_ABSOLUTE / 6


def _most_gain(values: npt.NDArray[np.float32]) -> float:
    """The most the gain can be: that of noise which is all photon noise, with no light where the frame is darkest."""
    darkest, middle = np.quantile(values[..., ::4], [0.001, 0.5]).tolist()
    return _white_noise(values) ** 2 / (middle - darkest) if middle > darkest else 0.0


@dataclass(frozen=True)
class _Background:
    """Noise of the response where there are no spots."""

    crowding: float
    skewness: float
    pixel_noise: float
    most_gain: float


def _look_at(
    finder: CandidateFinder, values: npt.NDArray[np.float32], missing: Mask | None
) -> tuple[_Background | None, Candidates]:
    response = finder.respond(values)
    noise = finder.noise(values, response, missing)
    places = local_maxima(response, finder.threshold(noise))
    found = finder.candidates(values, response, noise, places, missing)
    free = _free_of_spots(places, finder, missing)
    if free.mean() < LEAST_FREE:
        return None, found
    normal = response[free] / (noise[free] * finder.border_gain[free])
    spread = float(np.median(np.abs(normal))) / MEDIAN_ABSOLUTE
    if spread == 0:
        return None, found
    pixel_noise = float(np.median(noise)) / finder.noise_gain
    return _Background(min(finder.crowding * spread, 1.0), _skewness(normal), pixel_noise, _most_gain(values)), found


def _free_of_spots(places: npt.NDArray[np.int64], finder: CandidateFinder, missing: Mask | None) -> Mask:
    """Pixels where neither a spot found nor a missing pixel reaches the response."""
    marked = np.zeros(finder.frame_shape, bool) if missing is None else missing.copy()
    marked[tuple(places.T)] = True
    sizes = [2 * int(np.ceil(3.5 * scale)) + 1 for scale in finder.spot_filter.scales]
    reached: Mask = maximum_filter(marked, sizes)
    return ~reached


def _skewness(values: npt.NDArray[np.float32]) -> float:
    # Far outliers are no noise.
    kept = values[np.abs(values) < 6].astype(np.float64)
    deviations = kept - kept.mean()
    return float((deviations**3).mean() / (deviations**2).mean() ** 1.5)


def _gain_of_background(backgrounds: Sequence[_Background], finder: CandidateFinder) -> float:
    """Gain from the skewness of the response: photon noise of gain g has a third cumulant of g times its variance."""
    if not backgrounds or finder.is_dark:
        return 0.0
    power = finder.spot_filter.power_sum
    skewness = float(np.median([b.skewness for b in backgrounds]))
    pixel_noise = float(np.median([b.pixel_noise for b in backgrounds]))
    gain = max(skewness, 0.0) * pixel_noise * power(2) ** 1.5 / power(3)
    return float(min(gain, np.median([b.most_gain for b in backgrounds])))


def _gain_of_spots(fits: Sequence[tuple[SpotFits, npt.NDArray[np.float64]]], start: float) -> float:
    """Gain from the squared residuals of fits, which grow with the light of the spot.

    The regression has a second term, the square of the light, for spots that are no Gaussians; and residuals beyond
    three standard deviations are left out, for those that are two.
    """
    light, excess, variance = [], [], []
    for fit, noise_variance in fits:
        kept = fit.is_known & fit.succeeded[:, None]
        light.append(fit.model[kept])
        excess.append((fit.residual**2 / np.maximum(1 - fit.leverage, 0.1))[kept])
        variance.append(np.broadcast_to(noise_variance[:, None], kept.shape)[kept])
    s, e, v = (np.concatenate(parts) for parts in (light, excess, variance))
    gain, square = start, 0.0
    for _ in range(ROUNDS_OF_WEIGHTS):
        expected = v + gain * s + square * s**2
        kept = e < CLIP**2 * expected
        terms = np.stack([v, s, s**2])[:, kept] / expected[kept]
        target = e[kept] / expected[kept] / CLIPPED_VARIANCE
        _, gain, square = np.linalg.lstsq(terms @ terms.T, terms @ target, rcond=None)[0].tolist()
        if square < 0:
            _, gain = np.linalg.lstsq(terms[:2] @ terms[:2].T, terms[:2] @ target, rcond=None)[0].tolist()
        gain, square = max(gain, 0.0), max(square, 0.0)
    return gain
