import numpy as np
import pytest

from tracking.errors import TrackingError
from tracking.motion import diffusion
from tracking.tracks import Tracks


def coverage(results, name, truth):
    ends = [getattr(result, name) for result in results]
    return np.mean([end.low <= truth <= end.high for end in ends])


def mean(results, name):
    return np.mean([getattr(result, name).value for result in results])


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"error": 0.05},  # a quarter of a step's variance
        {"error": 0.05, "gaps": 0.2},
        {"error": 0.2},  # four times a step's variance
        {"error": 0.05, "n_axes": 3, "gaps": 0.1},
        {"error": 0.03, "exposure": 0.05},
    ],
)
def test_brownian_motion_without_bias(simulate, kind):
    results = [diffusion(simulate(seed, **kind), exposure=kind.get("exposure"), n_resamples=100) for seed in range(12)]
    # One movie of 100 tracks has a standard deviation of 3 to 5 percent, the mean of 12 of 1 to 1.5.
    assert mean(results, "coefficient_um2_s") == pytest.approx(0.1, rel=0.04)
    assert mean(results, "exponent") == pytest.approx(1, abs=0.05)
    assert mean(results, "error_variance_um2") == pytest.approx(kind.get("error", 0) ** 2, rel=0.06, abs=1.5e-4)


def test_blur_of_an_unknown_exposure_takes_from_the_error_but_not_from_d(simulate):
    tracks = simulate(1, n_tracks=400, error=0.05, exposure=0.05)
    known, unknown = diffusion(tracks, exposure=0.05), diffusion(tracks)
    assert unknown.coefficient_um2_s == known.coefficient_um2_s
    blur = known.coefficient_um2_s.value * 0.05 / 3
    assert known.error_variance_um2.value - unknown.error_variance_um2.value == pytest.approx(blur)
    assert known.localisation_um.low < 0.05 < known.localisation_um.high
    assert unknown.exponent.value == pytest.approx(1, abs=0.05)


def test_exponent_of_a_straight_path_is_2_and_of_a_trapped_one_below_1(simulate):
    straight = diffusion(simulate(0, speed=3.0, diffusion=0.001, error=0.02))
    assert straight.exponent.value == pytest.approx(2, abs=0.05)
    assert straight.exponent.low > 1.9
    trapped = diffusion(simulate(0, relaxation=4.0, error=0.02))
    assert trapped.exponent.high < 0.8
    mixed = diffusion(simulate(0, speed=1.0, error=0.02))
    assert 1.2 < mixed.exponent.value < 1.8


def test_interval_covers_the_truth(simulate):
    results = [diffusion(simulate(seed, 40, 30, error=0.05, gaps=0.1), n_resamples=300) for seed in range(120)]
    # A share of 120 has a standard deviation of 2 percent.
    for name, truth in (("coefficient_um2_s", 0.1), ("exponent", 1.0), ("error_variance_um2", 0.05**2)):
        assert 0.88 <= coverage(results, name, truth) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("kind", [{"gaps": 0.1}, {"gaps": 0.1, "n_tracks": 20, "n_frames": 30}, {"exposure": 0.05}])
def test_interval_covers_the_truth_in_95_of_100(simulate, kind):
    results = [
        diffusion(simulate(seed, error=0.05, **kind), exposure=kind.get("exposure"), n_resamples=500)
        for seed in range(1000, 1600)
    ]
    for name, truth in (("coefficient_um2_s", 0.1), ("exponent", 1.0), ("error_variance_um2", 0.05**2)):
        assert coverage(results, name, truth) == pytest.approx(0.945, abs=0.025)


def test_the_two_first_lags_give_the_covariance_based_estimate(simulate):
    tracks = simulate(4, error=0.05)
    positions = tracks.spots.sort_values(["particle", "frame"])[["x", "y"]].to_numpy().reshape(100, 50, 2) * 0.1
    steps = np.diff(positions, axis=1)
    # Vestergaard et al.: half the mean square of a step and the mean product of successive ones, over the interval.
    theirs = (np.mean(steps**2) / 2 + np.mean(steps[:, 1:] * steps[:, :-1])) / 0.05
    ours = diffusion(tracks, first_lag=1, max_lag=2)
    assert ours.last_lag == 4  # three unknowns of the exponent need four
    assert ours.coefficient_um2_s.value == pytest.approx(theirs, rel=0.03)


def test_large_errors_are_better_met_by_more_lags(simulate):
    """The spread over movies against that of the estimate from two lags alone."""
    fits, two = [], []
    for seed in range(15):
        tracks = simulate(seed, 60, 60, error=0.3)
        fits.append(diffusion(tracks, n_resamples=5).coefficient_um2_s.value)
        short = diffusion(tracks, max_lag=1, n_resamples=5)
        two.append(short.coefficient_um2_s.value)
    assert np.std(fits) < 0.7 * np.std(two)


def test_numbers_of_tracks_and_steps(tracks_of):
    rows = [(f, p, np.sin(7 * f + p), np.cos(5 * f * p)) for p in range(6) for f in (0, 1, 2, 3, 5)]
    result = diffusion(tracks_of([*rows, (0, 9, 0, 0)]))
    assert (result.n_tracks, result.n_steps, result.n_axes) == (6, 18, 2)


def test_steps_that_video_compression_ties_together_are_found(simulate):
    tracks = simulate(2, n_tracks=300)
    spots = tracks.spots.sort_values(["particle", "frame"])
    smooth = spots.copy()
    for axis in ("x", "y"):
        values = spots[axis].to_numpy().reshape(300, 50)
        smooth[axis] = np.concatenate(
            [values[:, :2], (values[:, 2:] + values[:, 1:-1] + values[:, :-2]) / 3], 1
        ).ravel()
    smooth = smooth[smooth["frame"] >= 2]
    result = diffusion(tracks.with_spots(smooth))
    assert result.first_lag > 1
    assert result.coefficient_um2_s.low < 0.1 < result.coefficient_um2_s.high
    assert np.isnan(result.localisation_um.value)
    assert diffusion(tracks.with_spots(smooth), first_lag=1).coefficient_um2_s.high < 0.1


def test_particles_that_stand_still_have_no_d_and_no_exponent(simulate):
    result = diffusion(simulate(1, diffusion=0.0, error=0.03))
    assert result.coefficient_um2_s.low <= 0 <= result.coefficient_um2_s.high
    assert np.isnan(result.exponent.value)
    assert result.localisation_um.low < 0.03 < result.localisation_um.high


def test_same_seed_same_interval(simulate):
    tracks = simulate(1, n_tracks=30)
    assert diffusion(tracks, seed=3) == diffusion(tracks, seed=3)
    assert diffusion(tracks, seed=3).coefficient_um2_s.low != diffusion(tracks, seed=4).coefficient_um2_s.low


def test_one_track_gives_numbers_without_an_interval(simulate):
    result = diffusion(simulate(1, n_tracks=1, n_frames=400))
    assert result.coefficient_um2_s.value == pytest.approx(0.1, rel=0.4)
    assert not result.coefficient_um2_s.has_interval


def test_nothing_to_measure(tracks_of):
    for tracks in (Tracks.empty(), tracks_of([(0, 0, 1, 1)]), tracks_of([(0, 0, 1, 1), (1, 0, 2, 2)])):
        result = diffusion(tracks, 1, 1)
        assert np.isnan(result.coefficient_um2_s.value)
        assert not result.coefficient_um2_s.has_interval


def test_exposure_cannot_be_longer_than_a_frame(simulate):
    tracks = simulate(0, n_tracks=2)
    with pytest.raises(TrackingError, match="--exposure must be from 0 to the frame interval of"):
        diffusion(tracks, exposure=0.1)
    with pytest.raises(ValueError, match="`first_lag` must be at least 1, got 0"):
        diffusion(tracks, first_lag=0)
