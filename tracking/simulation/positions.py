from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tracking.simulation.lifetimes import Lifetimes, draw_lifetimes
from tracking.simulation.options import SimulationOptions

# Positions are rounded to a millionth of a pixel: what is left of the last bits, in which machines may differ, is gone.
_DECIMALS = 6


@dataclass(frozen=True, eq=False)
class SimulatedPositions:
    """Where simulated particles are, one row a spot, in no order.

    Attributes:
        frame: Shape ``(n,)``.
        particle: Shape ``(n,)``, numbered from 0 by first frame.
        position: In the order of a frame's axes, (y, x) or (z, y, x), in pixels and slices, shape ``(n, n_axes)``.
        directed: Whether the particle's next step is a directed one, shape ``(n,)``; None where the motion has one kind
            of step only.
    """

    frame: np.ndarray
    particle: np.ndarray
    position: np.ndarray
    directed: np.ndarray | None


def simulate_positions(options: SimulationOptions, rng: np.random.Generator) -> SimulatedPositions:
    """Particles that are born, move, leave the field, enter it and die; all of them at once, quick enough to train on.

    The field is a window on something larger. A particle that leaves ends there, and one with another number enters at
    the opposite side and goes on with its motion. So there are as many of each in every frame, the density is the same
    all over the field and all along the movie, and the direction of motion does not bend at the border.

    Only the motion, the numbers, the survival and the field's size of ``options`` matter. ``rng`` is where the
    randomness comes from; it is left further on.
    """
    lifetimes = draw_lifetimes(options.particles_per_frame, options.survival, options.n_frames, rng)
    size = np.array(options.frame_shape, np.float64)
    start = rng.uniform(-0.5, size - 0.5, (lifetimes.n_particles, len(size)))
    walk = options.motion.walk(lifetimes, len(size), rng)
    pixels = np.array([options.z_spacing, 1.0, 1.0][-len(size) :])
    endless = np.round(start[lifetimes.particle()] + walk.displacement / pixels, _DECIMALS)
    field = np.floor((endless + 0.5) / size)
    position = np.round(endless - field * size, _DECIMALS)
    frame = lifetimes.frame()
    return SimulatedPositions(frame, _numbers(field, frame, lifetimes), position, walk.directed)


def _numbers(field: np.ndarray, frame: np.ndarray, lifetimes: Lifetimes) -> np.ndarray:
    """A number for every stretch that a particle spends within one of the fields that tile the plane."""
    ages = lifetimes.ages()
    begins = np.ones(len(frame), bool)
    for before, now in pairwise(ages):
        begins[now] = (field[now] != field[before][: now.stop - now.start]).any(axis=1)
    number = np.empty(len(frame), np.int64)
    first_spots = np.flatnonzero(begins)
    number[first_spots[np.argsort(frame[first_spots], kind="stable")]] = np.arange(len(first_spots))
    for before, now in pairwise(ages):
        number[now] = np.where(begins[now], number[now], number[before][: now.stop - now.start])
    return number
