from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pandas as pd

from tracking.detection.calibration import Frame, calibrate
from tracking.detection.candidates import CandidateFinder, Candidates, finder_for
from tracking.detection.chosen_false_alarms import LEAST, choose_false_alarms
from tracking.detection.measure import measure_spots
from tracking.detection.options import DetectionOptions
from tracking.detection.pixels import Intensities, has_spread
from tracking.detection.scale import DEFAULT_SIGMA, DEFAULT_SIGMA_Z, estimate_sigma
from tracking.detection.table import empty_spots, spot_columns
from tracking.detection.torch_filter import choose_device
from tracking.detection.trackpy_locate import TrackpyLocate
from tracking.detection.windows import window_radius
from tracking.errors import OptionError, TrackingError

# Pixels that the size of spots and the noise are measured on, and frames at least and at most.
SIZE_PIXELS, SIZE_FRAMES = 3_000_000, (2, 10)
NOISE_PIXELS, NOISE_FRAMES = 1_500_000, (2, 5)
# Pixels of the window round a spot at most: more take minutes for a few spots.
MOST_WINDOW_PIXELS = 250_000


@dataclass(frozen=True)
class Detector:
    """Finds the spots of one movie's frames; made by `prepare_detector`.

    A frame's spots depend on that frame alone, and are the same in every run.

    Attributes:
        options: What the user asked for.
        frame_shape: Shape of the movie's frames.
        intensities: Scale on which frames are worked on.
        finder: Filter, noise and threshold.
        locate: trackpy's parameters, if that is the method.
        is_sigma_measured: False where the frames held too few spots to tell their size and none was given.
    """

    options: DetectionOptions
    frame_shape: tuple[int, ...]
    intensities: Intensities
    finder: CandidateFinder
    locate: TrackpyLocate | None
    is_sigma_measured: bool

    def detect(self, frame: np.ndarray) -> pd.DataFrame:
        """Spots of one frame, sorted by position.

        Args:
            frame: Shape ``(y, x)`` or ``(z, y, x)``, that of the movie's frames. Pixels that are NaN or infinite count
                as missing.

        Returns:
            float64 columns ``[z,] y, x, mass, size, ecc, signal, raw_mass, ep, background, snr, [z_std,] y_std, x_std``
            and ``xy_cov[, xz_cov, yz_cov]``, with the meanings of `tracking.tracks.OPTIONAL_COLUMNS`. Without a fit the
            errors are NaN. For dark spots mass and signal are how much is missing.

        Raises:
            TrackingError: The frame's shape is not the movie's.
        """
        if frame.shape != self.frame_shape:
            raise TrackingError(f"the movie's frames must all have shape {self.frame_shape}, got {frame.shape}")
        if not has_spread(frame):
            return empty_spots(frame.ndim)
        is_flat = len(self.finder.sigma) < frame.ndim
        values, missing = self.intensities.apply(frame[0] if is_flat else frame)
        found = self._find((values, missing))
        if not len(found.positions):
            return empty_spots(frame.ndim)
        spots = measure_spots(
            values, found, self.finder.sigma, self.finder.gain, self.intensities, missing, self.options.fit
        )
        if is_flat:
            spots = spots.assign(z=0.0).reindex(columns=spot_columns(3))
        return spots

    @property
    def settings(self) -> Mapping[str, float | str | bool | None]:
        """What was chosen, for the record of a run; intensities are the movie's."""
        finder, scale = self.finder, abs(self.intensities.scale)
        return MappingProxyType(
            {
                "method": self.options.method,
                "device": finder.device,
                "sigma": finder.sigma[-1],
                "sigma_z": finder.sigma[0] if len(finder.sigma) == 3 else None,
                "sigma_is_measured": self.is_sigma_measured,
                "filter_scale": finder.spot_filter.scales[-1],
                "threshold": finder.height,
                "false_alarms": finder.false_alarms,
                "noise_gain": finder.gain * scale,
                "noise_crowding": finder.crowding,
                "minmass": None if self.locate is None else self.locate.minmass * scale,
                "diameter": None if self.locate is None else self.locate.diameter[-1],
            }
        )

    def _find(self, frame: Frame) -> Candidates:
        if self.locate is None:
            return self.finder.find(*frame)
        values, missing = frame
        spots = self.locate.locate(values, missing)
        positions = spots[["z", "y", "x"][-values.ndim :]].to_numpy(np.float64)
        noise = self.finder.noise(values, self.finder.respond(values), missing)
        places = tuple(np.rint(positions).astype(int).T)
        return Candidates(
            positions, spots["mass"].to_numpy(), (noise[places].astype(np.float64) / self.finder.noise_gain) ** 2
        )


def prepare_detector(frames: Sequence[np.ndarray], options: DetectionOptions | None = None) -> Detector:
    """A detector that suits a movie: the size of its spots and its noise are measured on a few of its frames.

    Frames of one intensity, such as those a shutter has blanked, tell of neither and are left out.

    Args:
        frames: About ten frames spread over the movie, of one shape ``(y, x)`` or ``(z, y, x)``.
        options: What is known and what is wanted.

    Raises:
        TrackingError: There is no frame, their shapes differ, none has a finite pixel, or an option does not suit them.
    """
    options = options or DetectionOptions()
    shape = _shape_of(frames)
    if len(shape) == 2 and options.sigma_z is not None:
        raise OptionError(f"`sigma_z` must not be given for a movie of flat frames, got {options.sigma_z}")
    _check_sizes(options, shape)
    device = choose_device(options.device)
    # One slice has no extent along z.
    flat = [frame[0] for frame in frames] if len(shape) == 3 and shape[0] == 1 else list(frames)
    flat = [frame for frame in flat if has_spread(frame)] or flat
    intensities = Intensities.of_movie(flat, options.dark)
    sample = [intensities.apply(frame) for frame in flat if np.isfinite(frame).any()]
    ndim = flat[0].ndim
    sigma = estimate_sigma(
        _spread(sample, SIZE_PIXELS, *SIZE_FRAMES),
        options.sigma,
        options.sigma_z if ndim == 3 else None,
        intensities.step,
    )
    is_measured = sigma is not None
    if sigma is None:
        sigma = (*[options.sigma_z or DEFAULT_SIGMA_Z][: ndim - 2], *[options.sigma or DEFAULT_SIGMA] * 2)
    finder = finder_for(options.method, sigma, flat[0].shape, options.false_alarms or LEAST, intensities.step)
    noise_frames = _spread(sample, NOISE_PIXELS, *NOISE_FRAMES)
    finder = calibrate(finder.on(device, options.dark), noise_frames)
    if options.false_alarms is None:
        finder = replace(finder, false_alarms=choose_false_alarms(finder, noise_frames))
    locate = None
    if options.method == "trackpy":
        values, missing = sample[0]
        pixel_noise = finder.pixel_noise(values, missing)
        locate = TrackpyLocate.for_noise(sigma, flat[0].shape, pixel_noise, finder.gain, finder.false_alarms)
    return Detector(options, shape, intensities, finder, locate, is_measured)


def _spread(sample: Sequence[Frame], n_pixels: int, fewest: int, most: int) -> list[Frame]:
    """Some frames spread over a sample."""
    wanted = min(max(n_pixels // sample[0][0].size, fewest), most, len(sample))
    return [sample[i] for i in np.unique(np.linspace(0, len(sample) - 1, wanted).round().astype(int))]


def _check_sizes(options: DetectionOptions, shape: tuple[int, ...]) -> None:
    """Raise where the spots that are looked for would not fit into a frame."""
    side = min(shape[-2:])
    if options.sigma is not None and options.sigma > side / 4:
        raise OptionError(
            f"`sigma` must be at most a quarter of a frame's smaller side, which is {side} pixels, got {options.sigma}"
        )
    # A single slice is a flat frame, which has no size along z.
    if options.sigma_z is not None and 1 < shape[0] < options.sigma_z:
        raise OptionError(f"`sigma_z` must be at most the number of slices, which is {shape[0]}, got {options.sigma_z}")
    if len(shape) == 3 and shape[0] > 1:
        sigma, sigma_z = options.sigma or DEFAULT_SIGMA, options.sigma_z or DEFAULT_SIGMA_Z
        if np.prod([2 * radius + 1 for radius in window_radius((sigma_z, sigma, sigma))]) > MOST_WINDOW_PIXELS:
            raise OptionError(
                "`sigma` and `sigma_z` must leave the window round a spot of a stack at most "
                f"{MOST_WINDOW_PIXELS} pixels, got {sigma} and {sigma_z}: make the frames smaller by binning"
            )


def _shape_of(frames: Sequence[np.ndarray]) -> tuple[int, ...]:
    if not len(frames):
        raise TrackingError("the movie must have at least one frame, got none")
    shapes = sorted({tuple(frame.shape) for frame in frames})
    if len(shapes) > 1:
        raise TrackingError(f"the movie's frames must all have one shape, got {shapes[0]} and {shapes[1]}")
    shape = shapes[0]
    if len(shape) not in (2, 3) or 0 in shape:
        raise TrackingError(f"the movie's frames must have shape (y, x) or (z, y, x), got {shape}")
    return shape
