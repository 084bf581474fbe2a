import json

import numpy as np
import pandas as pd
import pytest

from tracking.errors import TrackingError
from tracking.motion import analyse_motion, ensemble_msd
from tracking.tracks import Tracks


def test_report_of_a_mixture(simulate):
    free = simulate(1, 60, 60, error=0.03)
    straight = simulate(2, 20, 60, error=0.03, speed=2.0).spots.assign(particle=lambda spots: spots["particle"] + 100)
    report = analyse_motion(free.with_spots(pd.concat([free.spots, straight])))
    assert report.counts["directed"] == pytest.approx(20, abs=3)
    assert sum(report.counts.values()) == len(report.tracks) == 80
    assert any("long enough to tell are directed" in warning for warning in report.warnings)
    by_motion = report.tracks.groupby("motion")["alpha"].median()
    assert by_motion["directed"] > 1.5
    assert by_motion["brownian"] == pytest.approx(1, abs=0.35)


def test_numbers_of_each_track(simulate):
    tracks = analyse_motion(simulate(5, 300, 60, error=0.05, gaps=0.1), drift="keep").tracks
    columns = "particle n_spots n_frames d_um2_s d_se_um2_s alpha motion moves velocity_um_s trap_um"
    assert list(tracks) == columns.split()
    assert tracks["d_um2_s"].mean() == pytest.approx(0.1, rel=0.04)
    # The standard error is that of tracks without gaps: here a tenth of the spots is missing.
    assert tracks["d_um2_s"].std() == pytest.approx(np.sqrt(np.mean(tracks["d_se_um2_s"] ** 2)), rel=0.2)
    assert tracks["alpha"].median() == pytest.approx(1, abs=0.1)


def test_a_drift_is_taken_off_and_said(simulate):
    tracks = simulate(1, 100, 50, error=0.03)
    drifting = tracks.with_spots(tracks.spots.assign(x=tracks.spots["x"] + 4.0 * tracks.spots["frame"]))
    report = analyse_motion(drifting)
    assert report.drift_removed
    assert report.drift["x_um"].iloc[-1] == pytest.approx(4.0 * 49 * 0.1, rel=0.05)
    assert report.drift["time_s"].iloc[-1] == pytest.approx(49 * 0.05)
    assert report.diffusion.coefficient_um2_s.value == pytest.approx(0.1, rel=0.1)
    assert "Drift dominates: it moved all particles by" in report.warnings[0]
    kept = analyse_motion(drifting, drift="keep")
    assert kept.counts["directed"] == 100
    assert any("it may be a drift" in warning for warning in kept.warnings)
    assert not analyse_motion(tracks).drift_removed


def test_msd_and_its_fit(simulate):
    tracks = simulate(1, error=0.05)
    report = analyse_motion(tracks, drift="keep")
    pd.testing.assert_frame_equal(report.msd.drop(columns="fit_um2"), ensemble_msd(tracks))
    np.testing.assert_allclose(report.msd["fit_um2"], report.msd["msd_um2"], rtol=0.1)


def test_displacements_are_those_of_the_gaussian(simulate):
    table = analyse_motion(simulate(1, 300, 50, error=0.05)).displacements
    middle = table[table["displacement_um"].abs() < 0.15]
    np.testing.assert_allclose(middle["density_per_um"], middle["gaussian_per_um"], rtol=0.2)
    width = np.diff(table["displacement_um"])[0]
    assert table["density_per_um"].sum() * width == pytest.approx(1, abs=0.001)


def test_summary_is_json_with_units(simulate):
    report = analyse_motion(simulate(1, 30, 40))
    summary = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert (
        summary["diffusion_um2_s"]["low_95"]
        < summary["diffusion_um2_s"]["value"]
        < summary["diffusion_um2_s"]["high_95"]
    )
    assert summary["motion_counts"] == dict(report.counts)
    assert summary["n_tracks"] == 30
    assert (summary["pixel_size_um"], summary["frame_interval_s"]) == (0.1, 0.05)


@pytest.mark.parametrize("is_3d", [False, True])
def test_no_tracks_at_all(is_3d):
    report = analyse_motion(Tracks.empty(is_3d), 0.1, 0.05, z_step=0.3)
    assert report.warnings == ("There is no track, so nothing could be measured.",)
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["diffusion_um2_s"]["value"] is None


def test_three_dimensions(simulate):
    report = analyse_motion(simulate(1, n_axes=3, error=0.03))
    assert report.diffusion.n_axes == 3
    assert report.diffusion.coefficient_um2_s.low < 0.1 < report.diffusion.coefficient_um2_s.high
    assert list(report.drift) == ["frame", "time_s", "x_um", "y_um", "z_um", "n_particles"]


def test_interpolated_spots_are_left_out_and_counted(simulate):
    from tracking.gaps import fill_gaps

    tracks = simulate(1, 60, 40, gaps=0.2)
    filled, plain = analyse_motion(fill_gaps(tracks)), analyse_motion(tracks)
    assert filled.n_interpolated == len(fill_gaps(tracks).spots) - len(tracks.spots)
    assert filled.diffusion == plain.diffusion
    pd.testing.assert_frame_equal(filled.tracks, plain.tracks)


ODD = {
    "one spot": ([(0, 0, 1, 1)], "There is no diffusion coefficient"),
    "a spot a particle": ([(f, f, 1, 1) for f in range(20)], "There is no diffusion coefficient"),
    "one step": ([(0, 0, 1, 1), (1, 0, 2, 1)], "There is no diffusion coefficient"),
    "one track": ([(f, 0, np.sin(f * 7.3), np.cos(f * 3.1)) for f in range(40)], "No interval of confidence"),
    "standing still": ([(f, p, 5, 5) for f in range(30) for p in range(8)], "D cannot be told from 0"),
    "every second frame": ([(2 * f, p, np.sin(f * p), f) for f in range(9) for p in range(8)], "no diffusion coeff"),
    "far apart in time": ([(f * 10**14, 0, f, 1) for f in range(12)], "Particles are missing in 100%"),
    "bleaching": (
        [(f, p, np.sin(f * p * 1.7), np.cos(f + p)) for p in range(1, 41) for f in range(p)], "bleaching",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_tracks_give_a_report_that_says_so(tracks_of, tmp_path, name):
    from tracking.motion import save_motion_figure

    rows, expected = ODD[name]
    report = analyse_motion(tracks_of(rows), n_resamples=50)
    assert any(expected in warning for warning in report.warnings)
    json.dumps(report.to_dict(), allow_nan=False)
    save_motion_figure(tmp_path / "motion.png", report)
    assert (tmp_path / "motion.png").stat().st_size > 1000


def test_units_are_needed():
    tracks = Tracks.empty()
    with pytest.raises(TrackingError, match="--pixel-size is needed"):
        analyse_motion(tracks, None, 1.0)
    with pytest.raises(TrackingError, match="--frame-interval is needed"):
        analyse_motion(tracks, 1.0)
    with pytest.raises(TrackingError, match="--frame-interval must be a positive number of seconds, got -1"):
        analyse_motion(tracks, 1.0, -1)
    with pytest.raises(ValueError, match="`drift` must be auto, remove or keep, got 'no'"):
        analyse_motion(tracks, 1.0, 1.0, drift="no")


@pytest.mark.parametrize("absurd", [1e200, 1e-200])
def test_units_that_no_microscope_has(simulate, absurd):
    tracks = simulate(1, 5, 10, n_axes=3)
    with pytest.raises(TrackingError, match=r"--pixel-size must be from 1e-09 to 1e\+09 micrometres per pixel, got 1e"):
        analyse_motion(tracks, absurd)
    with pytest.raises(TrackingError, match="--frame-interval must be from 1e-09"):
        analyse_motion(tracks, frame_interval=absurd)
    with pytest.raises(TrackingError, match="--z-step must be from 1e-09"):
        analyse_motion(tracks, z_step=absurd)


@pytest.mark.parametrize("first_lag", [39, 1000, 10**12])
def test_a_first_lag_beyond_the_tracks(simulate, first_lag):
    # Tracks of 40 frames hold displacements over 39 frames, and a line takes two lags.
    tracks = simulate(1, 10, 40)
    sentence = f"--first-lag must be at most 38, as the longest lag of these tracks is 39 frames.*, got {first_lag}"
    with pytest.raises(TrackingError, match=sentence):
        analyse_motion(tracks, first_lag=first_lag)
    assert analyse_motion(tracks, first_lag=38, n_resamples=50).diffusion.first_lag == 38


def test_a_first_lag_that_was_given_is_not_explained(simulate):
    tracks = simulate(1, 60, 60)
    # Positions averaged over frames, as video compression does.
    spots = tracks.spots.sort_values(["particle", "frame"])
    averaged = spots.groupby("particle")[["x", "y"]].transform(lambda line: line.rolling(4, min_periods=1).mean())
    smooth = tracks.with_spots(spots.assign(x=averaged["x"], y=averaged["y"]))
    found, given = (analyse_motion(smooth, first_lag=lag, n_resamples=50) for lag in (None, 5))
    assert found.diffusion.first_lag > 1
    assert any("frames apart go together" in warning for warning in found.warnings)
    assert given.diffusion.first_lag == 5
    assert not any("go together" in warning for warning in given.warnings)
