import numpy as np
import pandas as pd
import pytest

from tracking.calibration.found_spots import found_spots


def grid(n_frames=40, apart=20.0, side=5):
    """Particles on a grid, far from each other, in every frame."""
    y, x = (axis.ravel() * apart for axis in np.mgrid[:side, :side])
    return pd.DataFrame(
        {"frame": np.repeat(np.arange(n_frames), side**2), "y": np.tile(y, n_frames), "x": np.tile(x, n_frames)}
    )


def test_perfect_detections_are_perfect():
    truth = grid()
    found = found_spots(truth, truth, sigma=1.0, z_spacing=1.0, hidden=0.0)
    assert found.detected == pytest.approx(0.999)
    assert found.false == 0
    assert (found.error <= 0.01).all()


def test_misses_false_spots_and_errors_are_counted():
    rng = np.random.default_rng(0)
    truth = grid(n_frames=160)
    seen = truth[rng.random(len(truth)) < 0.7].copy()
    seen["y"] += 0.1 * rng.standard_normal(len(seen))
    seen["x"] += 0.3 * rng.standard_normal(len(seen))
    n_false = 400
    # Half way between the particles of the grid, out of reach of any.
    false = pd.DataFrame(
        {"frame": rng.integers(0, 160, n_false), "y": 10.0, "x": 10.0 + 20 * rng.integers(0, 4, n_false)}
    )
    found = found_spots(truth, pd.concat([seen, false]), sigma=1.0, z_spacing=1.0, hidden=0.0)
    # 4000 spots: a share of 0.7 has a standard error of 0.007, a median absolute deviation one of 2 percent.
    assert found.detected == pytest.approx(0.7, abs=0.03)
    assert found.false == pytest.approx(0.1)
    np.testing.assert_allclose(found.error, [0.1, 0.3], rtol=0.08)


def test_pairs_that_are_seen_as_one_tell_the_resolution():
    #  truth:  o   o       two particles, 1 to 6 px apart
    #  seen:     x         one spot between them where they are nearer than 3 px
    rng = np.random.default_rng(1)
    distance = rng.uniform(0.5, 6.5, 4000)
    frame = np.arange(4000)
    truth = pd.concat(
        [pd.DataFrame({"frame": frame, "y": 0.0, "x": sign * distance / 2}) for sign in (-1, 1)], ignore_index=True
    )
    near = distance < 3
    middle = pd.DataFrame({"frame": frame[near], "y": 0.0, "x": 0.0})
    seen = pd.concat([truth[~np.tile(near, 2)], middle], ignore_index=True)
    found = found_spots(truth, seen, sigma=1.0, z_spacing=1.0, hidden=0.0)
    assert found.resolution == pytest.approx(3.0, abs=0.5)


def test_slices_are_measured_in_pixels():
    truth = grid().assign(z=1.0)
    found = found_spots(truth, truth.assign(z=1.5), sigma=1.0, z_spacing=2.0, hidden=0.0)
    assert found.error[0] == pytest.approx(1.0 / 0.6745)
    assert found.false == 0
