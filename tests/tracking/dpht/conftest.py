from collections.abc import Callable

import numpy as np
import pytest
import torch

from tracking.dpht.context import movie_context
from tracking.dpht.network import TrackNetwork
from tracking.dpht.spots import Spots

# Pixels from one row of a drawing to the next.
ROW = 3.0


@pytest.fixture(scope="session")
def untrained() -> Callable[..., TrackNetwork]:
    """Networks of random weights: what must hold whatever the weights are is tested with these.

    All weights are shifted at random, as some begin near 0 and would hide mistakes; links come out about as often
    as not, and the oftener the fonder of them the network is.
    """

    def make(cell: str = "gru", *, hidden: int = 12, seed: int = 0, fond: float = 0.0) -> TrackNetwork:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = TrackNetwork(hidden, cell)
            with torch.no_grad():
                for weights in network.parameters():
                    weights.add_(0.1 * torch.randn(weights.shape))
                network.judge_both.last.bias.add_(fond)
                network.judge_future.last.bias.add_(fond)
        return network.eval()

    return make


@pytest.fixture(scope="session")
def spots_of() -> Callable[..., Spots]:
    """Spots from frames and positions (n, 2) or (n, 3), of one movie or of some side by side."""

    def make(frame, position, movie=None, n_axes=None) -> Spots:
        frame, position = np.asarray(frame, np.int64), np.asarray(position, np.float64)
        place = np.zeros((len(frame), 3))
        place[:, : position.shape[1]] = position
        axes = [position.shape[1]] if n_axes is None else n_axes
        movie = np.zeros(len(frame), np.int64) if movie is None else np.asarray(movie, np.int64)
        return Spots(frame, place, movie, np.stack([movie_context(n, 0.1, None) for n in axes]))

    return make


@pytest.fixture(scope="session")
def crowd() -> Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Particles that diffuse, some missed: frames, positions and true particles."""

    def move(n_particles=15, n_frames=12, *, step=1.0, side=20.0, missed=0.1, n_axes=2, seed=0):
        rng = np.random.default_rng(seed)
        walk = rng.normal(0, step / n_axes**0.5, (n_frames, n_particles, n_axes)).cumsum(axis=0)
        positions = (walk + rng.uniform(0, side, (n_particles, n_axes))).reshape(-1, n_axes)
        seen = rng.random(len(positions)) >= missed
        frames, particle = np.divmod(np.arange(len(positions)), n_particles)
        return frames[seen], positions[seen], particle[seen]

    return move


@pytest.fixture(scope="session")
def drawn() -> Callable[[str], tuple[np.ndarray, np.ndarray, str]]:
    """Spots of a drawing: a column is a frame, a row is 3 pixels, and a letter is a spot.

    Returns frames, positions (y, x) with x = 0, and the letters, ordered by frame.
    """

    def draw(text: str) -> tuple[np.ndarray, np.ndarray, str]:
        rows = text.strip("\n").splitlines()
        margin = min(len(row) - len(row.lstrip()) for row in rows if row.strip())
        spots = sorted(
            (column - margin, number, letter)
            for number, row in enumerate(rows)
            for column, letter in enumerate(row)
            if letter.isalpha()
        )
        frames = np.array([frame for frame, _, _ in spots])
        positions = np.array([(ROW * row, 0) for _, row, _ in spots], float)
        return frames, positions, "".join(letter for _, _, letter in spots)

    return draw
