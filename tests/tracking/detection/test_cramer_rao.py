import numpy as np
import pytest

from tracking.detection import cramer_rao_bound
from tracking.detection.gaussian_fit import fit_spots
from tracking.detection.profile import peak_share


def test_without_background_it_is_sigma_over_the_root_of_the_photons():
    # Thompson et al. 2002: with pixels of side 1 the width is widened by 1/12.
    sigma, photons = 1.5, 1000.0
    bound = cramer_rao_bound(sigma, photons * peak_share((sigma, sigma)), 1e-6, 25)
    assert bound == pytest.approx([np.sqrt((sigma**2 + 1 / 12) / photons)] * 2, rel=0.01)


@pytest.mark.parametrize(("sigma", "photons", "background"), [(1.3, 500, 2.0), (1.3, 500, 10.0), (2.0, 300, 5.0)])
def test_with_background_it_is_mortensens_formula(sigma, photons, background):
    # Mortensen et al. 2010, equation 5: variance = s^2/N (1 + integral of ln t / (1 + t / tau)), s^2 widened by 1/12.
    widened = sigma**2 + 1 / 12
    tau = 2 * np.pi * background * widened / photons
    t = (np.arange(200_000) + 0.5) / 200_000
    expected = np.sqrt(widened / photons / (1 + np.mean(np.log(t) / (1 + t / tau))))
    bound = cramer_rao_bound(sigma, photons * peak_share((sigma, sigma)), background, 31)
    assert bound == pytest.approx([expected] * 2, rel=0.02)


def test_the_fit_reaches_it(render):
    sigma, signal, window = 0.85, 60.0, 7
    random = np.random.default_rng(0)
    tile, side = 15, 40
    offsets = random.uniform(-0.5, 0.5, (side * side, 2))
    centres = np.stack(np.meshgrid(*[np.arange(side) * tile + tile // 2] * 2, indexing="ij"), -1).reshape(-1, 2)
    one = np.concatenate(
        [
            np.concatenate([render([tile // 2 + offset], signal, sigma, (tile, tile)) for offset in row], axis=1)
            for row in offsets.reshape(side, side, 2)
        ]
    )
    frame = random.poisson(one).astype(np.float32)
    fits = fit_spots(
        frame, centres.astype(float), np.full(len(centres), 300.0), (sigma, sigma), np.full(len(centres), 10.0), 1.0
    )
    error = fits.position - centres - offsets
    bound = np.mean([cramer_rao_bound(sigma, signal, 10, window, centre=offset) ** 2 for offset in offsets[:200]])
    assert np.sqrt((error**2).mean() / bound) == pytest.approx(1, abs=0.06)


def test_three_axes_and_isotropy():
    bound = cramer_rao_bound((1.0, 0.85, 0.85), 23.0, 10.0, (7, 7, 7))
    assert bound.shape == (3,)
    assert bound[1] == pytest.approx(bound[2])
    assert bound[0] > bound[1]


@pytest.mark.parametrize(
    ("sigma", "signal", "background", "window"), [(0, 1, 1, 7), (1, 0, 1, 7), (1, 1, -1, 7), (1, 1, 1, 6), (1, 1, 1, 1)]
)
def test_what_has_no_bound(sigma, signal, background, window):
    with pytest.raises(ValueError, match="must be"):
        cramer_rao_bound(sigma, signal, background, window)
