import numpy as np
import pandas as pd
import pytest

from tracking.simulation import BrownianMotion, SimulationOptions
from tracking.simulation.lifetimes import Lifetimes
from tracking.tracks import Tracks


@pytest.fixture
def make_options():
    """Options of a small movie, any of which may be set."""

    def make(**changes):
        defaults = {
            "motion": BrownianMotion(),
            "particles_per_frame": 5,
            "n_frames": 10,
            "frame_shape": (48, 64),
        }
        return SimulationOptions(**{**defaults, **changes})

    return make


@pytest.fixture
def make_tracks():
    """Tracks of rows (frame, particle, x, y[, z])."""

    def make(*rows):
        return Tracks.create(pd.DataFrame(list(rows), columns=["frame", "particle", "x", "y", "z"][: len(rows[0])]))

    return make


@pytest.fixture
def immortal():
    """Lifetimes of particles that all live through the movie."""

    def make(n_particles, n_frames):
        return Lifetimes(np.zeros(n_particles, np.int64), np.full(n_frames, n_particles))

    return make


@pytest.fixture
def paths(immortal):
    """Displacements of immortal particles of a motion model, shape (n_frames, n_particles, n_axes)."""

    def make(motion, n_particles=4000, n_frames=50, n_axes=2, seed=0):
        walk = motion.walk(immortal(n_particles, n_frames), n_axes, np.random.default_rng(seed))
        return walk.displacement.reshape(n_frames, n_particles, n_axes)

    return make
