"""Kalman filter with linear assignment that knows the true motion parameters: a reference, not a method to use."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import logsumexp
from scipy.stats import chi2

from tracking.best_matching import best_matching

GATE_PROBABILITY = 0.9999
# A particle missed so often that its existence is less probable than this is given up.
LEAST_EXISTENCE = 0.01


@dataclass(frozen=True, eq=False)
class MotionModes:
    """Linear motion of [position, velocity] along each axis, in one of m modes, between which a particle switches.

    Attributes:
        transition: How the state goes on, shape (m, 2, 2); all axes alike.
        offset: What is added to it, shape (m, d, 2).
        noise: Covariance of the process noise, shape (m, 2, 2).
        switching: Probability of each mode after each other, shape (m, m); rows sum to 1.
        velocity: Mean velocity of a new particle, shape (d,).
        velocity_variance: Its variance along each axis.
    """

    transition: np.ndarray
    offset: np.ndarray
    noise: np.ndarray
    switching: np.ndarray
    velocity: np.ndarray
    velocity_variance: float


def motion_modes(motion: Mapping[str, Any], n_axes: int, drift: np.ndarray) -> MotionModes:
    """The simulator's own motion models, with the mean parameters of what particles draw.

    ``brownian``: random steps. ``directed``: nearly constant velocity with the true process noise. ``switching``: an
    interacting-multiple-model filter of random steps and straight motion, the velocity of a straight phase being drawn
    anew as it begins; where all phases share a direction, it is that of the movie's mean displacement ``drift``.
    """
    still, origin = np.array([[1.0, 0.0], [0.0, 0.0]]), np.zeros(n_axes)
    if motion["kind"] == "brownian":
        noise = np.diag([_mean_square(motion["step"]), 0.0])
        return MotionModes(still[None], np.zeros((1, n_axes, 2)), noise[None], np.eye(1), origin, 0.0)
    if motion["kind"] == "directed":
        variance, acceleration = _mean_square(motion["velocity"]), _mean_square(motion["acceleration"])
        step = np.array([[1.0, 1.0], [0.0, np.sqrt(1 - acceleration / variance)]])
        noise = np.diag([0.0, acceleration])
        return MotionModes(step[None], np.zeros((1, n_axes, 2)), noise[None], np.eye(1), origin, variance)
    if motion["kind"] != "switching":
        raise ValueError(f"no motion model for {motion['kind']}")
    low, high = motion["speed"]
    velocity, variance = origin, _mean_square((low, high)) / n_axes
    if motion["shared_direction"]:
        velocity, variance = drift / np.linalg.norm(drift) * (low + high) / 2, (high - low) ** 2 / 12
    offset = np.zeros((2, n_axes, 2))
    offset[0, :, 1] = velocity
    noise = np.stack([np.diag([_mean_square(motion["step"]), variance]), np.zeros((2, 2))])
    switch = sum(motion["switch_probability"]) / 2
    switching = np.array([[1 - switch, switch], [switch, 1 - switch]])
    return MotionModes(np.stack([still, [[1.0, 1.0], [0.0, 1.0]]]), offset, noise, switching, velocity, variance)


@dataclass(frozen=True, eq=False)
class Population:
    """What is known of a movie's particles and detections.

    Attributes:
        survival: Probability that a particle lives on to the next frame.
        detection: Probability that a particle is detected.
        first: Particles in the first frame.
        births: New particles per frame.
        clutter: False detections per frame.
        volume: Of the field, in pixels.
        error: Variance of a detection's position along each axis, shape (d,).
    """

    survival: float
    detection: float
    first: float
    births: float
    clutter: float
    volume: float
    error: np.ndarray


@dataclass(eq=False)
class _States:
    """Of n tracks in m modes: (n, m, d, 2) means, (n, m, d, 2, 2) covariances, (n, m) mode and (n,) existence."""

    mean: np.ndarray
    covariance: np.ndarray
    mode: np.ndarray
    existence: np.ndarray
    particle: np.ndarray

    def select(self, rows: np.ndarray) -> "_States":
        return _States(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def join(self, other: "_States") -> "_States":
        return _States(
            *(np.concatenate([getattr(self, name), getattr(other, name)]) for name in self.__dataclass_fields__)
        )


def link_kalman(frame: np.ndarray, positions: np.ndarray, modes: MotionModes, population: Population) -> np.ndarray:
    """The particle of every spot; ``frame`` ascends, ``positions`` are in pixels, shape (n, d)."""
    particle = np.arange(len(frame))
    bounds = np.searchsorted(frame, np.arange(frame[-1] + 2))
    spots = np.arange(bounds[1])
    states = _born(positions, spots, modes, population, population.first)
    for start, end in pairwise(bounds[1:]):
        spots = np.arange(start, end)
        states = _predicted(states, modes, population.survival)
        variance = states.covariance[..., 0, 0] + population.error
        track, spot, likelihood = _likelihoods(states, variance, positions[spots])
        detected = states.existence * population.detection
        other = (population.births + population.clutter) / population.volume
        gain = np.log(detected[track]) + logsumexp(likelihood, axis=1) - np.log1p(-detected[track]) - np.log(other)
        chosen = best_matching(track, spot, gain)
        track, spot = track[chosen], spot[chosen]
        particle[spots[spot]] = states.particle[track]
        states.existence = states.existence * (1 - population.detection) / (1 - detected)
        states.existence[track] = 1.0
        _update(states, track, positions[spots[spot]], variance[track], likelihood[chosen])
        is_new = np.ones(len(spots), bool)
        is_new[spot] = False
        states = states.select(states.existence > LEAST_EXISTENCE)
        states = states.join(_born(positions, spots[is_new], modes, population, population.births))
    return particle


def _born(
    positions: np.ndarray, spots: np.ndarray, modes: MotionModes, population: Population, expected: float
) -> _States:
    n, n_modes, n_axes = len(spots), len(modes.transition), positions.shape[1]
    mean = np.empty((n, n_modes, n_axes, 2))
    mean[..., 0], mean[..., 1] = positions[spots][:, None], modes.velocity
    covariance = np.zeros((n, n_modes, n_axes, 2, 2))
    covariance[..., 0, 0], covariance[..., 1, 1] = population.error, modes.velocity_variance
    existence = np.full(n, expected / (expected + population.clutter))
    return _States(mean, covariance, np.full((n, n_modes), 1 / n_modes), existence, spots)


def _predicted(states: _States, modes: MotionModes, survival: float) -> _States:
    """States of the next frame before its spots are seen. Source: Blom and Bar-Shalom 1988, doi:10.1109/9.1299."""
    mode = states.mode @ modes.switching
    weight = states.mode[:, :, None] * modes.switching / mode[:, None, :]
    mean = np.einsum("nij,nias->njas", weight, states.mean)
    apart = states.mean[:, :, None] - mean[:, None]
    spread = states.covariance[:, :, None] + apart[..., :, None] * apart[..., None, :]
    covariance = np.einsum("nij,nijast->njast", weight, spread)
    step = modes.transition[:, None]
    mean = (step @ mean[..., None])[..., 0] + modes.offset
    covariance = step @ covariance @ np.swapaxes(step, -1, -2) + modes.noise[:, None]
    return _States(mean, covariance, mode, states.existence * survival, states.particle)


def _likelihoods(
    states: _States, variance: np.ndarray, positions: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tracks and spots within the gate, shape (p,), and the logarithm of mode probability times density, (p, m)."""
    n_axes, n_modes = positions.shape[1], states.mode.shape[1]
    gate = chi2.ppf(GATE_PROBABILITY, n_axes)
    if not len(states.particle) or not len(positions):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, n_modes))
    radius = np.sqrt(gate * variance.max())
    tree, found = cKDTree(positions), []
    for number in range(n_modes):
        close = cKDTree(states.mean[:, number, :, 0]).sparse_distance_matrix(tree, radius, output_type="ndarray")
        found.append(close["i"].astype(np.int64) * len(positions) + close["j"])
    track, spot = np.divmod(np.unique(np.concatenate(found)), len(positions))
    squares = (positions[spot][:, None] - states.mean[track, :, :, 0]) ** 2 / variance[track]
    within = (squares.sum(axis=2) < gate).any(axis=1)
    track, spot, squares = track[within], spot[within], squares[within]
    density = -0.5 * (squares + np.log(2 * np.pi * variance[track])).sum(axis=2)
    return track, spot, density + np.log(states.mode[track])


def _update(
    states: _States, track: np.ndarray, positions: np.ndarray, variance: np.ndarray, likelihood: np.ndarray
) -> None:
    mean, covariance = states.mean[track], states.covariance[track]
    gain = covariance[..., 0] / variance[..., None]
    states.mean[track] = mean + gain * (positions[:, None] - mean[..., 0])[..., None]
    states.covariance[track] = covariance - gain[..., :, None] * covariance[..., :1, :]
    states.mode[track] = np.exp(likelihood - logsumexp(likelihood, axis=1, keepdims=True))


def _mean_square(bounds: tuple[float, float]) -> float:
    """Of a value drawn evenly between the bounds."""
    low, high = bounds
    return (low * low + low * high + high * high) / 3
