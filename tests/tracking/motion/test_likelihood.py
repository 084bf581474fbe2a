import numpy as np
import pytest

from tracking.motion.likelihood import ERROR_RATIOS, N_RELAXATIONS, motion_likelihoods
from tracking.motion.paths import Paths


def by_matrices(positions, frames):
    """The same likelihoods with the covariance matrix of all spots, and no recursion."""
    n, d = positions.shape
    shared = np.minimum.outer(frames - frames[0], frames - frames[0])
    ones, time = np.ones((n, 1)), (frames - frames[0])[:, None]
    rates = 2.0 * (0.75 / (frames[-1] - frames[0])) ** np.linspace(0, 1, N_RELAXATIONS)

    def log_likelihood(covariance, centre_is_flat, mean):
        inverse = np.linalg.inv(covariance)
        # A flat centre: project it out and count the determinant of its information.
        information = ones.T @ inverse @ ones
        project = inverse - inverse @ ones @ ones.T @ inverse / information
        log_det = np.linalg.slogdet(covariance)[1] + np.log(information.item())
        residual = positions
        if mean is not None:
            slope = (mean.T @ project @ positions) / (mean.T @ project @ mean)
            residual = positions - mean * slope
        scale = np.trace(residual.T @ project @ residual) / (d * (n - 1))
        return -0.5 * d * ((n - 1) * np.log(scale) + log_det)

    # Steps of variance 1 a frame from the first spot on; the large constant stands for an unknown beginning.
    free = [shared + 1e7 + r * np.eye(n) for r in ERROR_RATIOS[:-1]]
    decays = [np.exp(-rate * np.abs(np.subtract.outer(frames, frames))) / (2 * rate) for rate in rates]
    trapped = [decay + r * np.eye(n) for decay in decays for r in ERROR_RATIOS[:-1]]
    still = np.eye(n)
    return {
        "immobile": log_likelihood(still, True, None),
        "brownian": max(log_likelihood(c, True, None) for c in [*free, still]),
        "directed": max(log_likelihood(c, True, time) for c in [*free, still]),
        "confined": max(log_likelihood(c, True, None) for c in trapped),
    }


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_covariance_matrices(seed):
    rng = np.random.default_rng(seed)
    frames = np.sort(rng.choice(40, 18, replace=False))  # with gaps
    positions = np.cumsum(rng.standard_normal((18, 2)), axis=0) + 0.5 * rng.standard_normal((18, 2))
    # Beside a longer track, so that this one is padded.
    other = np.arange(22)
    paths = Paths(
        np.array([3, 5]),
        np.repeat([0, 1], [18, 22]),
        np.concatenate([frames, other]),
        np.concatenate([positions, rng.standard_normal((22, 2))]),
    )
    ours = motion_likelihoods(paths)
    for name, value in by_matrices(positions, frames.astype(float)).items():
        assert getattr(ours, name)[0] == pytest.approx(value, abs=2e-3), name


def test_velocity_and_trap(simulate):
    from tracking.motion.paths import measured_paths

    moving = motion_likelihoods(measured_paths(simulate(0, speed=2.0, gaps=0.2), None))
    assert np.linalg.norm(moving.velocity, axis=1).mean() / 0.05 == pytest.approx(2.0, rel=0.05)
    trapped = motion_likelihoods(measured_paths(simulate(0, relaxation=10.0, n_frames=200), None))
    assert np.median(trapped.trap_um) == pytest.approx(np.sqrt(0.1 / 10.0), rel=0.15)
