import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from tracking.detection.pixels import Mask, is_in_hole

# Frames of noise that the mass of chance spots is measured on.
N_NOISE_FRAMES = 4
TAIL = 50
# trackpy clips its filtered image below this many standard deviations of a pixel's noise.
CLIP = 0.3


@dataclass(frozen=True)
class TrackpyLocate:
    """trackpy's `locate`, with its sizes from the spot's and its least mass from the noise.

    Attributes:
        diameter: Odd, for each axis.
        separation: Least distance between spots, for each axis.
        minmass: Least mass, on the scale of the movie's `Intensities`.
        clip: Least value of the filtered image on that scale.
    """

    diameter: tuple[int, ...]
    separation: tuple[float, ...]
    minmass: float
    clip: float

    @classmethod
    def for_noise(
        cls,
        sigma: tuple[float, ...],
        frame_shape: tuple[int, ...],
        pixel_noise: float,
        gain: float,
        false_alarms: float,
    ) -> "TrackpyLocate":
        """Parameters for which noise alone gives ``false_alarms`` spots a frame, as measured on simulated noise.

        Args:
            sigma: Standard deviation of a spot for each axis.
            frame_shape: Shape of the frames.
            pixel_noise: Standard deviation of a pixel's noise; 0 allows every mass.
            gain: By how much the variance of the noise grows with the intensity; 0 is Gaussian noise.
            false_alarms: Spots to expect by chance on a frame.
        """
        diameter = tuple(max(3, 2 * round(2.2 * width) + 1) for width in sigma)
        separation = tuple(max(2.0, 3 * width) for width in sigma)
        free = cls(diameter, separation, 0.0, CLIP * pixel_noise)
        if pixel_noise == 0:
            return free
        random = np.random.default_rng(0)
        masses = []
        for _ in range(N_NOISE_FRAMES):
            if gain > 0.01 * pixel_noise:
                photons = (pixel_noise / gain) ** 2
                noise = gain * (random.poisson(photons, frame_shape) - photons)
            else:
                noise = random.normal(0, pixel_noise, frame_shape)
            masses.append(free.locate(noise.astype(np.float32), None)["mass"].to_numpy())
        return cls(
            diameter, separation, _tail_quantile(np.concatenate(masses), false_alarms * N_NOISE_FRAMES), free.clip
        )

    def locate(self, values: npt.NDArray[np.float32], missing: Mask | None) -> pd.DataFrame:
        """Table of trackpy with columns y, x, mass and, for stacks, z; ``mass`` on the scale of ``values``."""
        import trackpy

        low, high = float(values.min()), float(values.max())
        axes = ["z", "y", "x"][-values.ndim :]
        if not high > low or min(n - d for n, d in zip(values.shape, self.diameter, strict=True)) < 2:
            return pd.DataFrame({name: np.empty(0) for name in [*axes, "mass"]})
        # trackpy reduces floating-point images to 256 values, but keeps the range of integers.
        step = (high - low) / 65535
        counts = np.rint((values - low) / step).astype(np.uint16)
        with warnings.catch_warnings():
            # It warns where it finds nothing, takes a side of 3 or 4 pixels for colours, and uses old ways of pandas.
            warnings.simplefilter("ignore")
            spots = trackpy.locate(
                counts,
                self.diameter,
                minmass=self.minmass / step,
                separation=self.separation,
                threshold=max(self.clip / step, 1.0),
                characterize=False,
            )
        if not len(spots):
            return pd.DataFrame({name: np.empty(0) for name in [*axes, "mass"]})
        spots = spots[[*axes, "mass"]].assign(mass=spots["mass"] * step)
        if missing is not None:
            spots = spots[~is_in_hole(missing, spots[axes].round().to_numpy(np.int64))]
        known: pd.DataFrame = spots.reset_index(drop=True)
        return known


def _tail_quantile(masses: npt.NDArray[np.float64], n_above: float) -> float:
    """Mass that ``n_above`` of the spots exceed, the tail of the heaviest being taken as exponential."""
    descending = np.sort(masses)[::-1]
    if not len(descending):
        return 0.0
    n_tail = min(TAIL, len(descending) - 1)
    if n_above >= n_tail:
        return float(descending[min(int(n_above), len(descending) - 1)])
    floor = descending[n_tail]
    return float(floor + (descending[:n_tail] - floor).mean() * np.log(n_tail / n_above))
