import numpy as np
import pandas as pd
import pytest

from tracking.calibration.look import look_at, spot_statistics
from tracking.linking import LinkingOptions


def table(frame, y, x, **columns):
    base = {"mass": 1.0, "size": 1.0, "ecc": 0.1, "signal": 30.0, "ep": 0.1, "background": 10.0, "snr": 6.0}
    return pd.DataFrame({"frame": frame, "y": y, "x": x} | base | columns)


def still(n_frames=12, side=4, apart=15.0):
    """Particles on a grid that tremble about their places."""
    rng = np.random.default_rng(0)
    y, x = (np.tile(axis.ravel() * apart + 10, n_frames) for axis in np.mgrid[:side, :side])
    frame = np.repeat(np.arange(n_frames), side**2)
    return table(frame, y + 0.5 * rng.standard_normal(len(y)), x + 0.5 * rng.standard_normal(len(x)))


def test_spots_tell_density_distance_and_noise():
    found = spot_statistics(still(), (80, 80), gain=0.5, z_spacing=1.0)
    assert found.spots_per_pixel == pytest.approx(16 / 6400)
    assert found.nearest == pytest.approx(15, abs=1)
    # The noise of the ground is what is left of (30 / 6)^2 when 0.5 * 30 is the light's own.
    assert found.noise == pytest.approx(np.sqrt(25 - 15))
    assert found.signal_spread == 0


def test_a_lone_spot_has_no_neighbour():
    found = spot_statistics(table(np.arange(5), 3.0, 4.0), (10, 10), gain=0.0, z_spacing=1.0)
    assert np.isnan(found.nearest)


def test_neighbours_are_of_the_same_frame():
    #  t=0: spots at x = 0 and 7, t=1: at 1 and 8
    found = spot_statistics(table([0, 0, 1, 1], 0.0, [0.0, 7.0, 1.0, 8.0]), (10, 10), 0.0, 1.0)
    assert found.nearest == 7


def test_tracks_of_trembling_particles_are_whole(shipped):
    found = look_at(still(), shipped, (80, 80), 0.0, LinkingOptions(method="recurrent"))
    assert found.statistics.missed == pytest.approx(0, abs=0.02)
    assert found.statistics.loose == pytest.approx(0, abs=0.1)
    assert found.statistics.scale == pytest.approx(np.sqrt(2) * np.sqrt(2) * 0.5, rel=0.1)
    # Positions that tremble about a place go back half of each step.
    assert found.statistics.directed == pytest.approx(-0.5, abs=0.1)
    assert len(found.steps) > 150


def test_improbable_links_do_not_count(shipped):
    spots = still()
    rng = np.random.default_rng(1)
    anywhere = spots.assign(y=rng.uniform(0, 80, len(spots)), x=rng.uniform(0, 80, len(spots)))
    sure = look_at(spots, shipped, (80, 80), 0.0, LinkingOptions(method="recurrent"))
    unsure = look_at(anywhere, shipped, (80, 80), 0.0, LinkingOptions(method="recurrent", search_radius=10))
    assert len(unsure.steps) < 0.7 * len(sure.steps)
    assert unsure.statistics.loose > 0.2
