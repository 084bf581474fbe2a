from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tracking.detection.false_alarms import skewed_threshold, threshold
from tracking.detection.hot_pixels import is_hot_pixel
from tracking.detection.maxima import local_maxima, refine_maxima
from tracking.detection.noise import local_noise
from tracking.detection.pixels import Mask, is_in_hole
from tracking.detection.spot_filter import SpotFilter
from tracking.detection.torch_filter import filter_with_torch

# Scale of the filter in standard deviations of a spot. The square root of 3 would raise a lone spot highest above
# white noise, 1 would part neighbours best; between them the Jaccard index of detection hardly changes.
FILTER_SCALE = 1.3
# However many the spots are, they are not taken to raise the estimate of the noise by more than its inverse.
LEAST_CROWDING = 0.02


@dataclass(frozen=True)
class Candidates:
    """Maxima of a filtered frame that noise alone hardly explains.

    Attributes:
        positions: Between the pixels, shape ``(n, ndim)``.
        masses: Integrated intensity above the background that a spot of the assumed size would have, shape ``(n,)``.
        noise_variances: Variance of a pixel's noise round each, shape ``(n,)``.
    """

    positions: npt.NDArray[np.float64]
    masses: npt.NDArray[np.float64]
    noise_variances: npt.NDArray[np.float64]

    def __getitem__(self, kept: npt.NDArray[Any]) -> "Candidates":
        """Some of them, by a mask or by indices."""
        return Candidates(self.positions[kept], self.masses[kept], self.noise_variances[kept])


@dataclass(frozen=True)
class CandidateFinder:
    """Filter, noise estimate and threshold for frames of one shape.

    Attributes:
        spot_filter: The filter.
        sigma: Standard deviation of a spot for each axis.
        frame_shape: Shape of the frames.
        false_alarms: Maxima to expect above the threshold on a frame of noise.
        step: Smallest difference between two intensities.
        crowding: True noise over the one estimated, which spots raise; `LEAST_CROWDING` to 1.
        gain: By how much the variance of the noise grows with the intensity; 0 is Gaussian noise.
        is_dark: Whether the spots were dark before the frames were inverted.
        device: Where to filter: cpu, or a device of torch.
    """

    spot_filter: SpotFilter
    sigma: tuple[float, ...]
    frame_shape: tuple[int, ...]
    false_alarms: float
    step: float
    crowding: float = 1.0
    gain: float = 0.0
    device: str = "cpu"
    is_dark: bool = False

    @cached_property
    def height(self) -> float:
        """Threshold in standard deviations of the response, were the noise Gaussian."""
        return threshold(self.false_alarms, int(np.prod(self.frame_shape)), self.spot_filter)

    @cached_property
    def border_gain(self) -> npt.NDArray[np.float32]:
        """See `SpotFilter.border_gain`."""
        return self.spot_filter.border_gain(self.frame_shape)

    @cached_property
    def peak_response(self) -> float:
        """Response at the centre of a spot of mass 1."""
        return self.spot_filter.peak_response(self.sigma)

    @cached_property
    def noise_gain(self) -> float:
        """Standard deviation of the response to white noise of variance 1."""
        return float(np.sqrt(self.spot_filter.power_sum(2)))

    def noise(
        self,
        values: npt.NDArray[np.float32],
        response: npt.NDArray[np.float32],
        missing: Mask | None = None,
    ) -> npt.NDArray[np.float32]:
        """Standard deviation of the noise of the response far from the borders, shape of the frame."""
        # Integers carry the noise of their rounding at least; and single precision ends somewhere.
        largest = float(max(values.max(), -values.min()))
        floor = self.noise_gain * max(self.step / np.sqrt(12), 1e-6 * largest, 1e-30)
        noise = local_noise(response, self.spot_filter.scales, floor / self.crowding, missing)
        return np.multiply(noise, np.float32(self.crowding), out=noise)

    def pixel_noise(self, values: npt.NDArray[np.float32], missing: Mask | None = None) -> float:
        """Standard deviation of a pixel's noise in a frame, the median over the frame."""
        return float(np.median(self.noise(values, self.respond(values), missing))) / self.noise_gain

    def skewness(self, pixel_noise: float) -> tuple[float, float]:
        """Skewness and excess kurtosis of the response's noise where a pixel's has a standard deviation."""
        relative = self.gain / pixel_noise
        skewness, kurtosis = self.tails
        # Beyond this the correction is no longer one.
        return min(relative * skewness, 0.6), min(relative**2 * kurtosis, 0.6)

    @cached_property
    def tails(self) -> tuple[float, float]:
        """Skewness and excess kurtosis of the response to pixels where both are 1."""
        power = self.spot_filter.power_sum
        return power(3) / power(2) ** 1.5, power(4) / power(2) ** 2

    def threshold(self, noise: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Threshold for the response at each pixel."""
        height = skewed_threshold(
            self.height, *self.skewness(float(np.median(noise[..., ::16, ::16])) / self.noise_gain)
        )
        return np.float32(max(height, 0.0)) * noise * self.border_gain

    def find(self, values: npt.NDArray[np.float32], missing: Mask | None = None) -> Candidates:
        """Candidates of one frame, in the order of its pixels."""
        response = self.respond(values)
        noise = self.noise(values, response, missing)
        places = local_maxima(response, self.threshold(noise))
        return self.candidates(values, response, noise, places, missing)

    def respond(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The filter's response to a frame."""
        if self.device == "cpu":
            return self.spot_filter.apply(values)
        return filter_with_torch(self.spot_filter, values, self.device)

    def candidates(
        self,
        values: npt.NDArray[np.float32],
        response: npt.NDArray[np.float32],
        noise: npt.NDArray[np.float32],
        places: npt.NDArray[np.int64],
        missing: Mask | None = None,
    ) -> Candidates:
        """Candidates at some maxima of a response, less those in a hole and single hot pixels."""
        if missing is not None:
            places = places[~is_in_hole(missing, places)]
        variances = (noise[tuple(places.T)].astype(np.float64) / self.noise_gain) ** 2
        is_spot = ~is_hot_pixel(values, places, variances, self.gain, self.sigma[-1])
        positions, heights = refine_maxima(response, places[is_spot])
        return Candidates(positions, heights / self.peak_response, variances[is_spot])

    def on(self, device: str, is_dark: bool) -> "CandidateFinder":
        """The same on another device, for bright or for dark spots."""
        return replace(self, device=device, is_dark=is_dark)

    def with_noise(self, crowding: float, gain: float) -> "CandidateFinder":
        """The same with other properties of the noise, the crowding kept within its bounds."""
        return replace(self, crowding=min(max(crowding, LEAST_CROWDING), 1.0), gain=gain)


def finder_for(
    method: str,
    sigma: Sequence[float],
    frame_shape: Sequence[int],
    false_alarms: float,
    step: float,
    scale: float = FILTER_SCALE,
) -> CandidateFinder:
    """Finder of spots of a standard deviation, before the movie's noise is looked at."""
    scales = tuple(scale * width for width in sigma)
    spot_filter = SpotFilter("dog" if method == "dog" else "log", scales)
    return CandidateFinder(spot_filter, tuple(sigma), tuple(frame_shape), false_alarms, step)
