from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from tracking.calibration.steps import Steps, steps_of_tracks
from tracking.dpht.context import track_statistics
from tracking.dpht.network import TrackNetwork
from tracking.linking import Linking, LinkingOptions, link

# Links less probable than this do not count for the statistics of tracks.
SURE = 0.5
# Standard deviations of a normal distribution between its quartiles.
BETWEEN_QUARTILES = 1.349


@dataclass(frozen=True)
class SpotStatistics:
    """What the spots of a movie are like. Lengths in pixels, intensities the movie's.

    Attributes:
        spots_per_pixel: Spots found in a frame, per pixel of it.
        nearest: Median distance from a spot to the nearest other of its frame.
        signal: Median height of a spot's peak above the background.
        signal_spread: Standard deviation of the logarithm of that height, from its quartiles.
        snr: Median signal-to-noise ratio of a spot.
        background: Median intensity round the spots.
        noise: Standard deviation of the intensity there.
        size: Median standard deviation of a spot.
        eccentricity: Its median.
        error: Median standard error of a position along an axis.
    """

    spots_per_pixel: float
    nearest: float
    signal: float
    signal_spread: float
    snr: float
    background: float
    noise: float
    size: float
    eccentricity: float
    error: float


@dataclass(frozen=True)
class MovieStatistics(SpotStatistics):
    """What is compared between a movie and those simulated like it: its spots, and what their tracks are like.

    Attributes:
        scale: Root mean square displacement from a frame to the next.
        missed: Share of the frames inside tracks in which the particle has no spot.
        loose: Share of the spots that are in no track of three or more.
        ended: Tracks that end for every spot in one.
        directed: How far one step goes on in the next: 1 for straight motion, 0 for diffusion.
        uneven: Mean square step over the square of the mean step, less 1.
    """

    scale: float
    missed: float
    loose: float
    ended: float
    directed: float
    uneven: float

    def to_dict(self) -> dict[str, float | None]:
        """By name, ready for JSON: what cannot be told is None."""
        return {name: value if np.isfinite(value) else None for name, value in asdict(self).items()}


@dataclass(frozen=True, eq=False)
class Look:
    """What a network sees in the spots of a movie.

    Attributes:
        statistics: Of spots and tracks.
        steps: Of the tracks.
        linked: By the network.
        n_ends: Tracks of three spots or more that end before the movie does.
    """

    statistics: MovieStatistics
    steps: Steps
    linked: Linking
    n_ends: float


def pixel_positions(spots: pd.DataFrame, z_spacing: float) -> np.ndarray:
    """Positions in the order of a frame's axes, in pixels along each, shape ``(n, d)``."""
    position = spots[["z", "y", "x"] if "z" in spots else ["y", "x"]].to_numpy(np.float64)
    return np.asarray(position * np.array([z_spacing, 1.0, 1.0][-position.shape[1] :]))


def spot_statistics(spots: pd.DataFrame, frame_shape: tuple[int, ...], gain: float, z_spacing: float) -> SpotStatistics:
    """What spots are like, without regard to tracks; see `look_at`."""
    frame, position = spots["frame"].to_numpy(), pixel_positions(spots, z_spacing)
    n_frames = int(frame[-1] - frame[0]) + 1
    signal, snr = spots["signal"].to_numpy(), spots["snr"].to_numpy()
    log_signal = np.log(signal[signal > 0]) if (signal > 0).any() else np.zeros(1)
    variance = (signal / np.maximum(snr, 1e-12)) ** 2 - gain * np.maximum(signal, 0)
    return SpotStatistics(
        spots_per_pixel=len(frame) / n_frames / float(np.prod(frame_shape)),
        nearest=_nearest(frame, position),
        signal=_median(signal),
        signal_spread=float(np.diff(np.quantile(log_signal, [0.25, 0.75]))[0]) / BETWEEN_QUARTILES,
        snr=_median(snr),
        background=_median(spots["background"].to_numpy()),
        noise=float(np.sqrt(max(_median(variance), 0.0))),
        size=_median(spots["size"].to_numpy()),
        eccentricity=_median(spots["ecc"].to_numpy()),
        error=_median(spots["ep"].to_numpy()),
    )


def look_at(
    spots: pd.DataFrame, network: TrackNetwork, frame_shape: tuple[int, ...], gain: float, linking: LinkingOptions
) -> Look:
    """Link spots and say what they and their tracks are like.

    Args:
        spots: Of a detector, with the column ``frame``, ascending.
        network: The recurrent tracker's.
        frame_shape: Of the movie's frames, or of the part of them that the spots are from.
        gain: By how much the variance of the noise grows with the intensity.
        linking: Of the recurrent tracker; ``z_scale`` is the number of pixels per slice.

    Raises:
        TrackingError: The spots of successive frames are no nearer to one another than by chance.
    """
    frame, position = spots["frame"].to_numpy(), pixel_positions(spots, linking.z_scale)
    axes = ["z", "y", "x"] if "z" in spots else ["y", "x"]
    linked = link(frame, spots[axes].to_numpy(np.float64), linking, network)
    particle = _sure_tracks(frame, linked)
    tracks = track_statistics(frame, particle, position)
    in_tracks = (1 - tracks.loose) * len(frame)
    statistics = MovieStatistics(
        **asdict(spot_statistics(spots, frame_shape, gain, linking.z_scale)),
        scale=tracks.scale,
        missed=tracks.missed,
        loose=tracks.loose,
        ended=tracks.ended,
        directed=tracks.directed,
        uneven=tracks.uneven,
    )
    return Look(statistics, steps_of_tracks(frame, particle, position), linked, tracks.ended * in_tracks)


def _sure_tracks(frame: np.ndarray, linked: Linking) -> np.ndarray:
    """The particle of every spot, with another number after every link that is not probable."""
    order = np.lexsort((frame, linked.particle))
    probability = np.full(len(frame), np.nan) if linked.link_probability is None else linked.link_probability
    begins = ~(probability[order] > SURE)
    begins[1:] |= np.diff(linked.particle[order]) != 0
    particle = np.empty(len(frame), np.int64)
    particle[order] = np.cumsum(begins) - 1
    return particle


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _nearest(frame: np.ndarray, position: np.ndarray) -> float:
    """Median distance to the nearest other spot of the same frame; NaN where every spot is alone in its frame."""
    if len(frame) < 2:
        return float("nan")
    apart = 2 * float(np.linalg.norm(np.ptp(position, axis=0))) + 1
    distance = cKDTree(np.hstack([apart * (frame - frame[0])[:, None], position])).query(
        np.hstack([apart * (frame - frame[0])[:, None], position]), 2
    )[0][:, 1]
    return _median(distance[distance < apart / 2])
