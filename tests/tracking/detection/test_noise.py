import numpy as np
import pytest

from tracking.detection.noise import local_noise


def noise_of(shape, scale, seed=0):
    return (scale * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


@pytest.mark.parametrize("shape", [(300, 300), (4, 200, 200), (40, 30), (7, 500)])
def test_even_noise(shape):
    found = local_noise(noise_of(shape, 3.0), [1.0] * len(shape), 0.0)
    assert found.shape == shape
    assert found.dtype == np.float32
    assert found == pytest.approx(3.0, rel=0.12)


def test_noise_that_grows_across_the_frame():
    growth = np.linspace(1, 4, 640, dtype=np.float32)
    found = local_noise(noise_of((320, 640), 1.0) * growth, (1, 1), 0.0)
    np.testing.assert_allclose(found.mean(axis=0)[32:-32], growth[32:-32], rtol=0.15)


def test_a_few_bright_spots_hardly_count():
    frame = noise_of((256, 256), 1.0)
    frame[::16, ::16] += 1000
    assert local_noise(frame, (1, 1), 0.0) == pytest.approx(1.0, rel=0.15)


def test_missing_pixels_do_not_count():
    frame = noise_of((256, 256), 2.0)
    missing = np.zeros(frame.shape, bool)
    missing[:, :160] = True
    frame[missing] = 0
    assert local_noise(frame, (1, 1), 0.0, missing) == pytest.approx(2.0, rel=0.15)


def test_it_is_never_below_its_floor():
    assert local_noise(np.zeros((100, 100), np.float32), (1, 1), 0.25) == pytest.approx(0.25)
