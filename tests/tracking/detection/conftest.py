from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.special import erf


def _pixel_integral(places: np.ndarray, centre: float, sigma: float) -> np.ndarray:
    edges = (np.stack([places - 0.5, places + 0.5]) - centre) / (np.sqrt(2) * sigma)
    return (erf(edges[1]) - erf(edges[0])) / 2


def _render(positions, signal, sigma, shape, background=10.0):
    """Spots integrated over pixels by the error function; `signal` is the height of a spot centred on a pixel."""
    image = np.full(shape, float(background))
    sigmas = np.broadcast_to(sigma, len(shape))
    for position in positions:
        spot = np.ones(())
        for centre, width, size in zip(position, sigmas, shape, strict=True):
            profile = _pixel_integral(np.arange(size), centre, width) / _pixel_integral(np.zeros(1), 0.0, width)
            spot = np.multiply.outer(spot, profile)
        image += signal * spot
    return image


@pytest.fixture
def render() -> Callable[..., np.ndarray]:
    """Expected image of spots: ``render(positions, signal, sigma, shape, background=10)``."""
    return _render


def signal_at(snr: float, background: float = 10.0) -> float:
    """Height of a peak I above the background b where (I - b) / sqrt(I) is the signal-to-noise ratio."""
    return (snr**2 + np.sqrt(snr**4 + 4 * snr**2 * background)) / 2


@pytest.fixture
def simulate() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Random spots with photon noise: ``simulate(seed, n=..., snr=..., sigma=..., shape=...)``, truth and frame."""

    def simulated(seed, n=100, snr=4.0, sigma=0.85, shape=(256, 256)):
        random = np.random.default_rng(seed)
        truth = random.uniform(-0.5, np.array(shape) - 0.5, (n, len(shape)))
        return truth, random.poisson(_render(truth, signal_at(snr), sigma, shape)).astype(np.uint16)

    return simulated


@pytest.fixture
def jaccard() -> Callable[..., float]:
    """Jaccard index of detection, by the best pairing within a gate: ``jaccard(truth, found, gate)``."""

    def index(truth, found, gate):
        cost = np.minimum(cdist(truth, found), gate)
        matched = (cost[linear_sum_assignment(cost)] < gate).sum()
        return matched / (len(truth) + len(found) - matched)

    return index


@pytest.fixture
def peak_signal() -> Callable[..., float]:
    """Height of a peak of a signal-to-noise ratio: ``peak_signal(snr, background=10)``."""
    return signal_at
