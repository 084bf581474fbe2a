import pytest

from tracking.calibration.movie_model import MovieModel
from tracking.simulation import BrownianMotion


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
