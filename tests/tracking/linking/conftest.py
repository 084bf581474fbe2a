from collections.abc import Callable

import numpy as np
import pytest
import torch

from tracking.dpht.network import TrackNetwork
from tracking.linking import Linking

SCALE = 10


@pytest.fixture(scope="session")
def drawn() -> Callable[[str], tuple[np.ndarray, np.ndarray, str]]:
    """Spots of a drawing: a column is a frame, a row is 10 pixels, and a letter is a spot.

    Returns frames, positions (y, x) with x = 0, and the letters, all in the order in which spots are linked.
    """

    def draw(text: str) -> tuple[np.ndarray, np.ndarray, str]:
        rows = [line for line in text.splitlines() if line.strip()]
        margin = min(len(row) - len(row.lstrip()) for row in rows)
        spots = sorted(
            (column - margin, number, letter)
            for number, row in enumerate(rows)
            for column, letter in enumerate(row)
            if letter.isalpha()
        )
        frames = np.array([frame for frame, _, _ in spots])
        positions = np.array([(SCALE * row, 0) for _, row, _ in spots], float)
        return frames, positions, "".join(letter for _, _, letter in spots)

    return draw


@pytest.fixture(scope="session")
def brownian() -> Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Particles that diffuse in a square with walls: frames, positions and true particles; some are missed."""

    def move(n_particles, n_frames, *, step=2.0, side=200.0, missed=0.0, n_axes=2, seed=0):
        rng = np.random.default_rng(seed)
        steps = rng.normal(0, step, (n_frames, n_particles, n_axes))
        steps[0] = rng.uniform(0, side, steps[0].shape)
        positions = np.abs(steps.cumsum(axis=0)) % (2 * side)
        positions = np.where(positions > side, 2 * side - positions, positions).reshape(-1, n_axes)
        frames = np.repeat(np.arange(n_frames), n_particles)
        particle = np.tile(np.arange(n_particles), n_frames)
        seen = rng.random(len(frames)) >= missed
        return frames[seen], positions[seen], particle[seen]

    return move


@pytest.fixture(scope="session")
def untrained() -> TrackNetwork:
    """A network of the recurrent tracker that knows nothing: for what must hold whatever the weights are."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = TrackNetwork(hidden=8).eval()
    with torch.no_grad():
        # Not so shy of links that there is nothing to look at.
        for judge in (network.judge_both, network.judge_future):
            judge.last.bias.add_(2.0)
    return network


@pytest.fixture(scope="session")
def names() -> Callable[[Linking, str], list[str]]:
    """The particles of a linked drawing, as the letters of their spots in the order of frames."""

    def read(linking: Linking, letters: str) -> list[str]:
        return [
            "".join(letter for letter, owner in zip(letters, linking.particle, strict=True) if owner == particle)
            for particle in range(linking.particle.max() + 1)
        ]

    return read
