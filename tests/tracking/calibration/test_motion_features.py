import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.calibration.motion_features import LAGS, N_FEATURES, features_and_covariance, motion_features
from tracking.calibration.steps import Steps

FIRST_LAG = 3  # of the features


def walk(seed, n_runs=60, n=14, n_axes=2):
    rng = np.random.default_rng(seed)
    velocity = rng.normal(size=(n_runs, 1, n_axes))
    moved = velocity + 0.7 * rng.normal(size=(n_runs, n, n_axes))
    return Steps(moved.reshape(-1, n_axes), np.repeat(np.arange(n_runs), n))


def test_straight_paths_remember_their_steps_forever():
    direction = np.array([[3.0, 4.0], [-5.0, 0.0]])
    steps = Steps(np.repeat(direction, 12, axis=0), np.repeat([0, 1], 12))
    features = motion_features(steps, unit=1.0)
    assert features[0] == pytest.approx(np.log(5))
    np.testing.assert_allclose(features[FIRST_LAG : FIRST_LAG + len(LAGS)], 1)


def test_diffusion_remembers_nothing():
    moved = np.random.default_rng(1).normal(size=(40_000, 2))
    features = motion_features(Steps(moved, np.repeat(np.arange(2000), 20)), unit=np.sqrt(2))
    # The inner product of two steps over their mean square has a standard deviation of sqrt(1/2) a pair.
    assert np.abs(features[FIRST_LAG : FIRST_LAG + len(LAGS)]).max() < 5 * np.sqrt(0.5 / 24_000)
    assert abs(features[0]) < 0.02


def test_memory_is_the_mean_inner_product_over_pairs_of_a_run():
    steps = walk(3)
    square = (steps.displacement**2).sum(axis=1).mean()
    for number, lag in enumerate(LAGS):
        products = [
            steps.displacement[i] @ steps.displacement[i + lag]
            for i in range(len(steps) - lag)
            if steps.run[i] == steps.run[i + lag]
        ]
        assert motion_features(steps, 1.0)[FIRST_LAG + number] == pytest.approx(np.mean(products) / square)


@given(angle=st.floats(-np.pi, np.pi), factor=st.floats(0.01, 100))
def test_turning_changes_nothing_and_scaling_the_first_feature_alone(angle, factor):
    steps = walk(5)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    before = motion_features(steps, 1.0)
    after = motion_features(Steps(factor * steps.displacement @ turn, steps.run), 1.0)
    assert after[0] - before[0] == pytest.approx(np.log(factor), abs=1e-6)
    # Where a share counts the steps beyond a bound, one step in a thousand may cross it by rounding.
    np.testing.assert_allclose(after[1:], before[1:], atol=2e-3)


def test_two_dimensions_in_three_are_the_same():
    steps = walk(7)
    flat = np.hstack([np.zeros((len(steps), 1)), steps.displacement])
    np.testing.assert_allclose(motion_features(Steps(flat, steps.run), 1.0), motion_features(steps, 1.0))


@pytest.mark.parametrize(
    "steps", [Steps(np.empty((0, 2)), np.empty(0, int)), Steps(np.zeros((4, 2)), np.zeros(4, int))]
)
def test_what_cannot_be_told_is_nan(steps):
    features, covariance = features_and_covariance(steps, 1.0)
    assert features.shape == (N_FEATURES,)
    assert np.isnan(features).all()
    assert not covariance.any()


def test_the_covariance_is_that_of_repeated_experiments():
    # The jackknife's own error is some 25 percent with 30 groups; with part of the covariance given up and a floor
    # added, a factor of two either way is what may be asked of it.
    repeated = np.stack([motion_features(walk(seed), 1.0) for seed in range(120)])
    _, covariance = features_and_covariance(walk(500), 1.0)
    ratio = np.sqrt(np.diag(covariance)) / repeated.std(axis=0)
    assert np.exp(np.abs(np.log(ratio))).max() < 2.5
    assert np.exp(np.abs(np.median(np.log(ratio)))) < 1.5
