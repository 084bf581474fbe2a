from dataclasses import dataclass

import numpy as np
import pandas as pd

from tracking.calibration.found_spots import FoundSpots, found_spots
from tracking.calibration.like_movie import LikeMovie, simulate_like
from tracking.calibration.look import SpotStatistics, spot_statistics
from tracking.calibration.movie_model import MovieModel
from tracking.detection import Detector, prepare_detector
from tracking.errors import TrackingError
from tracking.linking import LinkingOptions


@dataclass(frozen=True, eq=False)
class Stage:
    """What simulated movies of one kind have in common beside their model.

    Attributes:
        frame_shape: Of the simulated movies' frames.
        n_frames: Of them.
        dtype: Type of the pixels.
        detector: That of the user's movie.
        linking: Of the recurrent tracker; ``z_scale`` is the number of pixels per slice.
    """

    frame_shape: tuple[int, ...]
    n_frames: int
    dtype: np.dtype
    detector: Detector
    linking: LinkingOptions

    def detector_for(self, movie: LikeMovie) -> Detector:
        """A detector as the user's movie has it, prepared on a simulated one.

        What was measured on the user's movie, and what it asked for, is kept; the noise is measured anew.
        """
        settings = self.detector.settings
        share = float(np.prod(self.frame_shape)) / float(np.prod(self.detector.frame_shape))
        update = {"sigma": settings["sigma"], "false_alarms": max(float(str(settings["false_alarms"])) * share, 1e-6)}
        if len(self.frame_shape) == 3 and settings["sigma_z"] is not None:
            update["sigma_z"] = settings["sigma_z"]
        sample = np.unique(np.linspace(0, self.n_frames - 1, 5).round().astype(int))
        return prepare_detector(
            [movie.frame(int(one)) for one in sample], self.detector.options.model_copy(update=update)
        )

    def simulate(self, model: MovieModel, seed: int) -> LikeMovie:
        """A movie of a model."""
        return simulate_like(model, self.frame_shape, self.n_frames, self.dtype, seed)

    def detect(self, movie: LikeMovie) -> tuple[pd.DataFrame, float]:
        """The spots of a simulated movie, with the column ``frame``, and the gain of its noise."""
        detector = self.detector_for(movie)
        tables = [detector.detect(frame).assign(frame=index) for index, frame in enumerate(movie)]
        return pd.concat(tables, ignore_index=True), float(str(detector.settings["noise_gain"]))


@dataclass(frozen=True, eq=False)
class SimulatedSpots:
    """A simulated movie, its detections, and what they look like.

    Attributes:
        movie: With its truth.
        spots: Of the detector, with the column ``frame``.
        statistics: Of them.
        gain: Of the noise, as it is measured on the movie.
        found: How well the particles are found.
    """

    movie: LikeMovie
    spots: pd.DataFrame
    statistics: SpotStatistics
    gain: float
    found: FoundSpots


def simulated_spots(stage: Stage, model: MovieModel, seed: int) -> SimulatedSpots:
    """Simulate a movie and find its spots.

    Raises:
        TrackingError: It has no spot.
    """
    movie = stage.simulate(model, seed)
    spots, gain = stage.detect(movie)
    if spots.empty:
        raise TrackingError("no spot is found in a movie simulated like this one")
    statistics = spot_statistics(spots, stage.frame_shape, gain, stage.linking.z_scale)
    sigma = model.psf_sigma * model.psf_elongation**0.5
    found = found_spots(movie.truth.spots, spots, sigma, stage.linking.z_scale, model.hidden)
    return SimulatedSpots(movie, spots, statistics, gain, found)
