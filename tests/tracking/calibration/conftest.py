from collections.abc import Iterator

import pytest
import torch

from tracking.calibration.movie_model import MovieModel
from tracking.simulation import BrownianMotion


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """As the commands do it: on small matrices, threads that wait for each other use up the processor's time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def model() -> MovieModel:
    """Diffusing spots of 40 counts on a background of 20 with noise of 4."""
    return MovieModel(
        motions=(BrownianMotion(step=1.5),),
        density=40 / 128**2,
        survival=0.95,
        signal=40.0,
        psf_sigma=1.1,
        background=20.0,
        noise=4.0,
        gain=0.8,
    )
