import numpy as np

from tracking.calibration.estimate import Estimate
from tracking.calibration.motion_family import simulated_steps
from tracking.dpht.context import spot_density
from tracking.dpht.stream import MovieKind

# How far lessons lie around the estimate, as standard deviations of logarithms (of log-odds for what is a probability):
# wider than the estimate is uncertain, as the next movie of the kind will be another.
DENSITY, DEATH, DETECTED, FALSE, ERROR, RESOLUTION = 0.25, 0.2, 0.4, 0.4, 0.15, 0.12
# The detection of one particle may be likelier than that of another: at most by this, in log-odds.
MOST_FLICKER = 0.8


def like_kind(estimate: Estimate, n_axes: int, rng: np.random.Generator) -> MovieKind:
    """A kind of lesson at random around what a movie is like.

    Args:
        estimate: Of the movie.
        n_axes: 2 or 3.
        rng: Where the randomness comes from.
    """
    model, found = estimate.draw(rng), estimate.found
    steps = simulated_steps(model.motions, np.zeros(n_axes), 200, 5, rng)
    scale = float(np.sqrt((steps.displacement**2).sum(axis=1).mean()))
    per_pixel = model.density / (model.z_spacing if n_axes == 3 else 1.0)
    lateral = float(np.mean(found.error[-2:]))
    odds = np.log(found.detected / (1 - found.detected)) + DETECTED * rng.standard_normal()

    def about(value: float, spread: float) -> float:
        return value * float(np.exp(spread * rng.standard_normal()))

    return MovieKind(
        motions=model.motions,
        survival=1 - min(about(1 - model.survival, DEATH), 0.7),
        density=about(spot_density(per_pixel, scale**-n_axes, n_axes), DENSITY),
        detected=float(1 / (1 + np.exp(-odds))),
        flicker=rng.uniform(0, MOST_FLICKER),
        false=about(max(found.false, 0.002), FALSE),
        error=about(lateral, ERROR),
        error_z=float(found.error[0]) / lateral if n_axes == 3 else 1.0,
        astray=0.0,
        resolution=about(found.resolution, RESOLUTION),
        n_axes=n_axes,
    )
