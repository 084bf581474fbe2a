from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tracking.tracks import Tracks

PIXEL_SIZE, FRAME_INTERVAL, D = 0.1, 0.05, 0.1


def simulate(
    seed: int,
    n_tracks: int = 100,
    n_frames: int = 50,
    *,
    error: float = 0.0,
    gaps: float = 0.0,
    speed: float = 0.0,
    relaxation: float = 0.0,
    exposure: float = 0.0,
    diffusion: float = D,
    n_axes: int = 2,
) -> Tracks:
    """Tracks of particles with D = 0.1 um2/s in 0.1 um pixels and frames of 0.05 s.

    ``error`` is the localisation error (um), ``gaps`` the share of spots missed, ``speed`` (um/s) along a direction of
    each particle's own, ``relaxation`` (1/s) that of a harmonic trap, ``exposure`` (s) over which positions average.
    """
    rng = np.random.default_rng(seed)
    finer = 10 if exposure else 1
    interval = FRAME_INTERVAL / finer
    shape = (n_tracks, n_frames * finer, n_axes)
    if relaxation:
        decay = np.exp(-relaxation * interval)
        paths = np.sqrt(diffusion / relaxation) * rng.standard_normal(shape)
        for now in range(1, shape[1]):
            paths[:, now] = decay * paths[:, now - 1] + np.sqrt(1 - decay**2) * paths[:, now]
    else:
        paths = np.cumsum(np.sqrt(2 * diffusion * interval) * rng.standard_normal(shape), axis=1)
    if speed:
        direction = rng.standard_normal((n_tracks, 1, n_axes))
        direction /= np.linalg.norm(direction, axis=2, keepdims=True)
        paths += direction * speed * interval * np.arange(shape[1])[:, None]
    if exposure:
        paths = paths.reshape(n_tracks, n_frames, finer, n_axes)[:, :, : round(exposure / interval)].mean(axis=2)
    paths = paths + error * rng.standard_normal(paths.shape) + rng.uniform(0, 50, (n_tracks, 1, n_axes))
    particle, frame = np.nonzero(rng.random((n_tracks, n_frames)) >= gaps)
    axes = ("y", "x") if n_axes == 2 else ("z", "y", "x")
    spots = pd.DataFrame(paths[particle, frame] / PIXEL_SIZE, columns=list(axes)).assign(frame=frame, particle=particle)
    return Tracks.create(
        spots, pixel_size=PIXEL_SIZE, frame_interval=FRAME_INTERVAL, z_step=PIXEL_SIZE if n_axes == 3 else None
    )


@pytest.fixture(name="simulate", scope="session")
def _simulate() -> Callable[..., Tracks]:
    return simulate


@pytest.fixture(scope="session")
def tracks_of() -> Callable[[list[tuple[int, int, float, float]]], Tracks]:
    """Tracks of rows ``(frame, particle, x, y)`` with pixels of 1 um and frames of 1 s."""

    def build(rows: list[tuple[int, int, float, float]]) -> Tracks:
        spots = pd.DataFrame(rows, columns=["frame", "particle", "x", "y"])
        return Tracks.create(spots, pixel_size=1.0, frame_interval=1.0)

    return build
