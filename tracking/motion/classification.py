import numpy as np
import pandas as pd

from tracking.motion.likelihood import Likelihoods, motion_likelihoods
from tracking.motion.paths import Paths, measured_paths
from tracking.motion.units import require_frame_interval
from tracking.tracks import Tracks

CLASSES = ("brownian", "directed", "confined", "too short")
MINIMUM_SPOTS = 10

# What twice the logarithm of the ratio of likelihoods stays below in 97.5 percent of Brownian tracks of so many spots,
# from simulations of 2,000 to 20,000 tracks each: the largest of no localisation error, errors of 0.3 and 3 times the
# variance of a step, full motion blur, and no motion at all. 2 and 3 are numbers of axes.
LENGTHS = (10, 14, 20, 30, 50, 100, 200, 500)
DIRECTED_LIMITS = {
    2: (12.9, 12.5, 11.9, 12.6, 10.2, 8.1, 8.0, 8.0),
    3: (16.4, 15.5, 14.5, 15.1, 13.8, 14.3, 11.4, 9.8),
}
CONFINED_LIMITS = {
    2: (2.6, 3.4, 3.9, 4.5, 4.5, 4.8, 5.0, 5.0),
    3: (2.7, 3.4, 4.1, 4.4, 5.0, 5.9, 5.9, 5.4),
}
# The same for 95 percent of particles that do not move at all, against Brownian motion.
MOVING_LIMIT = 4.0


def classify_motion(
    tracks: Tracks,
    pixel_size: float | None = None,
    frame_interval: float | None = None,
    *,
    z_step: float | None = None,
) -> pd.DataFrame:
    """Whether each track is directed, confined or Brownian, by a test that calls few Brownian tracks anything else.

    Each track by itself is explained by diffusion, by diffusion along a straight path at constant velocity, and by
    diffusion in a harmonic trap, all with a localisation error of its own. It is called directed or confined where that
    is so much likelier that at most 2.5 percent of Brownian tracks would look it, 5 percent for both. Brownian is what
    cannot be told from it: short tracks mostly are. The limits come from simulation, see this module's tables, and hold
    for tracks of 10 spots and more, with and without localisation error and motion blur.

    Take the drift off first (`remove_drift`): particles in a drift are directed.

    Args:
        tracks: in pixels and slices.
        pixel_size: micrometres per pixel; by default what the tracks say.
        frame_interval: seconds per frame; by default what the tracks say.
        z_step: micrometres per slice, in three dimensions; by default what the tracks say.

    Returns:
        One row a track: ``particle``, ``n_spots`` (measured ones), ``motion`` (``brownian``, ``directed``, ``confined``
        or, below 10 spots, ``too short``), ``moves`` (False where the particle might as well stand still, as 95 percent
        of immobile ones are found), ``velocity_um_s`` (speed of the directed, else NaN) and ``trap_um`` (standard
        deviation of the position per axis of the confined, else NaN).

    Raises:
        TrackingError: pixel size, frame interval or distance of the slices is unknown or not positive.
    """
    frame_interval = require_frame_interval(tracks, frame_interval)
    return classes_of_paths(measured_paths(tracks, pixel_size, z_step), frame_interval)


def classes_of_paths(paths: Paths, frame_interval: float) -> pd.DataFrame:
    """The same as `classify_motion` of paths in micrometres."""
    n_spots = paths.n_spots
    is_long = n_spots >= MINIMUM_SPOTS
    motion = np.full(paths.n_particles, "too short", dtype=object)
    moves = np.zeros(paths.n_particles, bool)
    velocity, trap = np.full((2, paths.n_particles), np.nan)
    if is_long.any():
        likelihoods = motion_likelihoods(paths.of_particles(is_long))
        motion[is_long] = _decide(likelihoods, n_spots[is_long])
        moves[is_long] = 2 * (likelihoods.brownian - likelihoods.immobile) > MOVING_LIMIT
        velocity[is_long] = np.linalg.norm(likelihoods.velocity, axis=1) / frame_interval
        trap[is_long] = likelihoods.trap_um
    is_directed, is_confined = motion == "directed", motion == "confined"
    return pd.DataFrame(
        {
            "particle": paths.particles,
            "n_spots": n_spots,
            "motion": pd.Series(motion, dtype=str),
            "moves": moves | is_directed,
            "velocity_um_s": np.where(is_directed, velocity, np.nan),
            "trap_um": np.where(is_confined, trap, np.nan),
        }
    )


def _decide(likelihoods: Likelihoods, n_spots: np.ndarray) -> np.ndarray:
    n_axes = likelihoods.velocity.shape[1]
    length = np.log(n_spots)
    directed_limit = np.interp(length, np.log(LENGTHS), DIRECTED_LIMITS[n_axes])
    confined_limit = np.interp(length, np.log(LENGTHS), CONFINED_LIMITS[n_axes])
    directed = 2 * (likelihoods.directed - likelihoods.brownian) - directed_limit
    confined = 2 * (likelihoods.confined - likelihoods.brownian) - confined_limit
    return np.where(
        np.maximum(directed, confined) <= 0, "brownian", np.where(directed >= confined, "directed", "confined")
    )
