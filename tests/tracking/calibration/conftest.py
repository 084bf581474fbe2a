from pathlib import Path

import pytest

from tracking.calibration.movie_model import MovieModel
from tracking.dpht.network import TrackNetwork
from tracking.simulation import BrownianMotion

WEIGHTS = Path(__file__).resolve().parents[3] / "bundles" / "particle_tracker" / "models" / "model.pt"


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


@pytest.fixture(scope="session")
def shipped() -> TrackNetwork:
    """The network of the bundle."""
    from tracking.dpht.weights import load_weights

    return load_weights(WEIGHTS)
