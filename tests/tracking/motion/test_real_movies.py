import numpy as np
import pandas as pd
import pytest

from tracking.motion import analyse_motion, diffusion, estimate_drift, localisation_error, remove_drift
from tracking.tracks import Tracks

BULK_WATER = {"pixel_size": 1 / 2.85, "frame_interval": 1 / 24}


def stokes_einstein(celsius, viscosity_mpa_s, diameter_um):
    """D in um2/s of a sphere in a liquid."""
    return 1.380649e-23 * (273.15 + celsius) / (3 * np.pi * viscosity_mpa_s * 1e-3 * diameter_um * 1e-6) * 1e12


@pytest.fixture(scope="module")
def bulk_water(shared_data):
    """Tracks as in trackpy's walkthrough: particles in focus, seen in 25 frames or more."""
    import trackpy
    from matplotlib.image import imread

    trackpy.quiet()
    files = sorted((shared_data / "trackpy_movies" / "bulk_water").glob("*.png"))
    images = [(imread(file)[..., :3] * 255).round().astype(np.uint8)[..., 0] for file in files]
    found = [trackpy.locate(image, 11, minmass=20, invert=True).assign(frame=i) for i, image in enumerate(images)]
    linked = trackpy.filter_stubs(trackpy.link(pd.concat(found, ignore_index=True), 5, memory=3), 25)
    linked = linked.reset_index(drop=True)
    mean = linked.groupby("particle")[["mass", "size", "ecc"]].mean()
    in_focus = mean.index[(mean["mass"] > 50) & (mean["size"] < 2.6) & (mean["ecc"] < 0.3)]
    return Tracks.create(linked.loc[linked["particle"].isin(in_focus), ["frame", "particle", "x", "y"]])


@pytest.mark.slow
def test_spheres_of_a_micrometre_diffuse_in_water_as_physics_says(bulk_water):
    # 0.43 um2/s at 20 C and 0.49 at 25 C; the spheres' size and the scale are given to one digit or three.
    expected = stokes_einstein(20, 1.002, 1.0)
    assert expected == pytest.approx(0.4286, abs=1e-4)
    report = analyse_motion(bulk_water, **BULK_WATER)
    d = report.diffusion.coefficient_um2_s
    assert d.low < expected < d.high
    assert d.high - d.low < 0.04
    assert report.diffusion.exponent.low < 1 < report.diffusion.exponent.high
    assert report.drift_removed
    assert report.counts["brownian"] > 0.93 * len(report.tracks)


@pytest.mark.slow
def test_the_movie_was_compressed_and_its_short_lags_mislead(bulk_water):
    """Every 12 frames a key frame comes, at which particles catch up with what the frames between held back."""
    tracks = remove_drift(bulk_water, estimate_drift(bulk_water))
    spots = tracks.spots.sort_values(["particle", "frame"])
    step = spots.groupby("particle")[["frame", "x", "y"]].diff()
    step = step[step["frame"] == 1].assign(at=spots["frame"])
    variance = (step["x"] ** 2 + step["y"] ** 2).groupby(step["at"]).mean()
    by_phase = variance.groupby(variance.index % 12).mean()
    assert by_phase.max() > 1.5 * by_phase.median()
    misled = diffusion(tracks, **BULK_WATER, first_lag=1).coefficient_um2_s
    assert misled.high < 0.4
    report = analyse_motion(bulk_water, **BULK_WATER)
    assert report.diffusion.first_lag > 2
    assert any("video compression" in warning for warning in report.warnings)


def test_immobile_probes_do_not_diffuse(shared_data):
    import tifffile
    import trackpy

    trackpy.quiet()
    movie = tifffile.imread(shared_data / "trackpy_movies" / "stuck_fluorescent_probes.tif")
    # Below this mass there are specks of noise that no other frame has.
    found = [trackpy.locate(image, 9, minmass=150).assign(frame=i) for i, image in enumerate(movie)]
    linked = trackpy.link(pd.concat(found, ignore_index=True), 3, memory=1)
    tracks = Tracks.create(linked[["frame", "particle", "x", "y"]])
    tracks = remove_drift(tracks, estimate_drift(tracks))
    fit = diffusion(tracks, 1.0, 1.0)
    assert fit.coefficient_um2_s.low < 0 < fit.coefficient_um2_s.high
    error = localisation_error(tracks, 1.0)
    assert error.n_tracks > 40
    for axis in error.per_axis_um:  # here in pixels
        assert 0.08 < axis.value < 0.13
    assert fit.localisation_um.low < error.per_axis_um[0].high
    assert fit.localisation_um.high > error.per_axis_um[1].low
