import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.detection.gaussian_fit import fit_spots
from tracking.detection.profile import peak_share

SIGMA = (0.85, 0.85)


def fit(frame, start, mass=100.0, sigma=SIGMA, variance=10.0, gain=1.0, missing=None):
    start = np.array(start, float)
    n = len(start)
    return fit_spots(np.asarray(frame, np.float32), start, np.full(n, mass), sigma, np.full(n, variance), gain, missing)


@settings(deadline=None, max_examples=40)
@given(st.floats(-0.7, 0.7), st.floats(-0.7, 0.7), st.floats(5, 500), st.floats(-20, 200))
def test_a_spot_without_noise_is_found_exactly(dy, dx, signal, background):
    from scipy.special import ndtr

    edges = np.arange(22) - 0.5
    profiles = [np.diff(ndtr((edges - 10 - offset) / 0.85)) for offset in (dy, dx)]
    mass = signal / peak_share(SIGMA)
    fits = fit(background + mass * np.multiply.outer(*profiles), [(10, 10)], mass=0.7 * mass)
    assert fits.succeeded.all()
    assert fits.position[0] == pytest.approx([10 + dy, 10 + dx], abs=5e-3)
    assert fits.mass[0] == pytest.approx(mass, rel=1e-2)
    assert fits.background[0] == pytest.approx(background, abs=1e-2 * (signal + 1))
    assert fits.sigma_step[0] == pytest.approx([0], abs=1e-2)


def test_neighbours_do_not_pull_each_other(render):
    #  two spots 2.6 px apart, each within the window of the other
    truth = np.array([(10.2, 10.0), (10.0, 12.6)])
    frame = render(truth, 50.0, 0.85, (21, 24))
    together = fit(frame, [(10, 10), (10, 13)])
    assert together.position == pytest.approx(truth, abs=0.03)
    alone = fit(frame, [(10, 10)])
    assert abs(alone.position[0, 1] - 10.0) > 0.1


def test_errors_have_the_size_they_claim(simulate):
    #  isolated spots of ten frames: deviations over standard errors have variance 1
    z = []
    for seed in range(10):
        truth, frame = simulate(seed, n=40, snr=5.0)
        apart = np.linalg.norm(truth[:, None] - truth[None], axis=-1) + 99 * np.eye(len(truth))
        kept = (apart.min(axis=1) > 8) & (truth > 5).all(axis=1) & (truth < 250).all(axis=1)
        fits = fit(frame, np.rint(truth[kept]), mass=150.0)
        errors = np.sqrt(np.diagonal(fits.covariance, axis1=1, axis2=2))
        z.append(((fits.position - truth[kept]) / errors)[fits.succeeded])
    z = np.concatenate(z)
    assert len(z) > 200
    assert z.std() == pytest.approx(1, abs=0.15)
    assert abs(z.mean()) < 0.15


def test_photon_noise_is_weighed(render):
    # Where the variance grows with the signal the errors do, too.
    frame = render([(10, 10)], 200.0, 0.85, (21, 21))
    white, photons = fit(frame, [(10, 10)], gain=0.0), fit(frame, [(10, 10)], gain=1.0)
    assert photons.covariance[0, 0, 0] > 2 * white.covariance[0, 0, 0]


def test_a_wider_spot_asks_for_a_wider_gaussian(render):
    for true in (0.8, 0.95):
        fits = fit(render([(10.1, 9.8)], 100.0, true, (21, 21)), [(10, 10)])
        assert 0.85 + fits.sigma_step[0, 0] == pytest.approx(true, abs=0.02)


def test_three_axes(render):
    truth = np.array([(4.3, 10.2, 9.7)])
    frame = render(truth, 50.0, (1.2, 0.85, 0.85), (9, 21, 21))
    fits = fit(frame, [(4, 10, 10)], sigma=(1.2, 0.85, 0.85))
    assert fits.position == pytest.approx(truth, abs=5e-3)
    assert fits.covariance.shape == (1, 3, 3)
    assert fits.sigma_step.shape == (1, 2)


def test_missing_pixels_and_borders(render):
    truth = [(0.3, 10.2)]
    frame = render(truth, 50.0, 0.85, (21, 21))
    missing = np.zeros(frame.shape, bool)
    missing[1, 11:14] = True
    frame[missing] = 1e6
    fits = fit(frame, [(0, 10)], missing=missing)
    assert fits.position == pytest.approx(np.array(truth), abs=5e-3)
    whole = fit(render([(10.3, 10.2)], 50.0, 0.85, (21, 21)), [(10, 10)])
    assert fits.covariance[0, 0, 0] > whole.covariance[0, 0, 0]


def test_a_fit_that_finds_nothing_keeps_the_place_and_claims_little():
    fits = fit(np.zeros((21, 21)), [(10, 10)])
    assert not fits.succeeded[0]
    assert fits.position.tolist() == [[10, 10]]
    assert np.sqrt(fits.covariance[0, 0, 0]) >= 1


def test_fits_stay_near_and_inside():
    random = np.random.default_rng(0)
    start = random.uniform(0, 39, (200, 2))
    fits = fit(random.poisson(10, (40, 40)), start)
    assert np.isfinite(fits.position).all()
    assert np.abs(fits.position - start).max() <= 1.5
    assert fits.position.min() >= -0.5
    assert fits.position.max() <= 39.5
    assert (np.linalg.eigvalsh(fits.covariance) > 0).all()


def test_two_spots_at_one_place_share_its_light(render):
    fits = fit(render([(10, 10)], 50.0, 0.85, (21, 21)), [(10, 10), (10, 10)])
    assert np.isfinite(fits.position).all()
    assert np.isfinite(fits.mass).all()
