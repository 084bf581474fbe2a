from dataclasses import dataclass

import numpy as np

from tracking.errors import TrackingError
from tracking.motion.bootstrap import Estimate, effective_number, percentile_interval, resampled_sums
from tracking.motion.paths import measured_paths
from tracking.tracks import Tracks


@dataclass(frozen=True)
class LocalisationError:
    """Standard deviation of the positions of particles that do not move.

    Attributes:
        per_axis_um: in micrometres along each axis of a frame (y, x or z, y, x), with 95 percent intervals over tracks.
        n_tracks: tracks of at least two spots.
        n_spots: their spots.
    """

    per_axis_um: tuple[Estimate, ...]
    n_tracks: int
    n_spots: int


def localisation_error(
    tracks: Tracks,
    pixel_size: float | None = None,
    *,
    z_step: float | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> LocalisationError:
    """Localisation error from particles known not to move: the spread of each round its own mean.

    Take the drift off first (`remove_drift`). A particle that does move makes the error too large.

    Args:
        tracks: in pixels and slices.
        pixel_size: micrometres per pixel; by default what the tracks say.
        z_step: micrometres per slice, in three dimensions; by default what the tracks say.
        n_resamples: resamples of tracks for the intervals.
        seed: of the resampling.

    Raises:
        TrackingError: no track has two spots, or pixel size or distance of the slices is unknown or not positive.
    """
    paths = measured_paths(tracks, pixel_size, z_step)
    paths = paths.of_particles(paths.n_spots >= 2)
    if not paths.n_particles:
        raise TrackingError("the localisation error needs a particle that was seen in two frames, but there is none")
    n_spots, n_axes = paths.n_spots, paths.positions.shape[1]
    squares = np.empty((paths.n_particles, n_axes))
    for axis in range(n_axes):
        # Relative to the first spot, as far from the origin squares would lose their last digits.
        values = paths.positions[:, axis] - paths.positions[paths.starts[paths.code], axis]
        mean = np.bincount(paths.code, values) / n_spots
        squares[:, axis] = np.bincount(paths.code, (values - mean[paths.code]) ** 2)
    table = np.concatenate([squares, (n_spots - 1)[:, None]], axis=1)
    drawn = np.concatenate([table.sum(axis=0)[None], resampled_sums(table, n_resamples, np.random.default_rng(seed))])
    errors = np.sqrt(drawn[:, :n_axes] / drawn[:, n_axes:])
    low, high = percentile_interval(errors[1:], effective_number(n_spots - 1))
    estimates = tuple(Estimate(*map(float, ends)) for ends in zip(errors[0], low, high, strict=True))
    return LocalisationError(estimates, paths.n_particles, int(n_spots.sum()))
