from dataclasses import dataclass, fields

import numpy as np

from tracking.motion.paths import Paths

# Variance of the localisation error over that of a frame's step. Negative ones are no error but motion blur, which a
# full exposure brings to -1/6 for no error at all; the last stands for a particle that does not move.
ERROR_RATIOS = (-0.15, -0.05, 0.0, 0.1, 0.3, 1.0, 3.0, 10.0, np.inf)
N_RELAXATIONS = 7
MAXIMUM_CELLS = 200_000  # larger arrays fall out of the cache


@dataclass(frozen=True, eq=False)
class Likelihoods:
    """How well motion models explain each of p tracks, arrays of shape ``(p,)``.

    Attributes:
        immobile: logarithm of the likelihood of standing still, up to a constant of the track.
        brownian: of diffusing freely.
        directed: of diffusing and moving at a constant velocity.
        confined: of diffusing in a harmonic trap.
        velocity: micrometres per frame of the directed model, along the axes of a frame, shape ``(p, d)``.
        trap_um: standard deviation of the position in the confined model, per lateral axis, in micrometres.
    """

    immobile: np.ndarray
    brownian: np.ndarray
    directed: np.ndarray
    confined: np.ndarray
    velocity: np.ndarray
    trap_um: np.ndarray


def motion_likelihoods(paths: Paths) -> Likelihoods:
    """Maximum likelihood of the motion models for each track, localisation error included, gaps and all.

    Step size, localisation error and velocity or relaxation time are fitted to each track by itself, nothing is taken
    from others: the error of a faint particle is not that of a bright one. x and y share step and error, z has its own.
    Where a track lies is integrated out in all models (so that they compare); the velocity and the scale are maximised
    in closed form, the ratio of error to step and the relaxation time over a grid.

    Args:
        paths: of at least three spots each.
    """
    immobile, brownian, directed, confined, trap = np.zeros((5, paths.n_particles))
    velocity = np.zeros((paths.n_particles, paths.positions.shape[1]))
    result = Likelihoods(immobile, brownian, directed, confined, velocity, trap)
    n_spots, starts = paths.n_spots, paths.starts
    order = np.argsort(n_spots, kind="stable")
    begin = 0
    while begin < len(order):
        # Tracks of nearly one length go through the filter together; what they are short of the longest is padding.
        end, cells = begin, len(ERROR_RATIOS) * N_RELAXATIONS
        while end < len(order) and (end == begin or n_spots[order[end]] <= 1.3 * n_spots[order[begin]] + 5):
            if (end - begin) * cells * 4 > MAXIMUM_CELLS:
                break
            end += 1
        chosen = order[begin:end]
        length = n_spots[chosen].max()
        rows = np.minimum(starts[chosen][:, None] + np.arange(length), starts[chosen + 1][:, None] - 1)
        is_real = np.arange(length) < n_spots[chosen][:, None]
        of_group = _of_group(paths.positions[rows], paths.frame[rows].astype(np.float64), is_real)
        for field in fields(Likelihoods):
            getattr(result, field.name)[chosen] = getattr(of_group, field.name)
        begin = end
    return result


def _of_group(positions: np.ndarray, frames: np.ndarray, is_real: np.ndarray) -> Likelihoods:
    positions = positions - positions[:, :1]
    # No two numbers of a microscope agree to the last bit: noise far below any measurement keeps variances above 0.
    floor = np.finfo(np.float64).tiny ** 0.5
    n, _, d = positions.shape
    ratios, spans = np.array(ERROR_RATIOS), frames.max(axis=1) - frames[:, 0]
    free = _filtered(positions, frames, is_real, ratios, np.zeros((1, n)))
    # From relaxing within half a frame to hardly relaxing over the track.
    powers = np.linspace(0, 1, N_RELAXATIONS)[:, None]
    rates = 2.0 * (0.75 / np.maximum(spans, 2)) ** powers
    trapped = _filtered(positions, frames, is_real, ratios[:-1], rates)
    lateral, axial = slice(d - 2, d), slice(0, d - 2)
    count = is_real.sum(axis=1) - 1

    def profile(squares: np.ndarray, log_det: np.ndarray, axes: slice) -> np.ndarray:
        """Best logarithm of the likelihood over the ratios of the axes that share their step, ``(rates, n)``."""
        n_axes = squares[..., axes].shape[-1]
        if n_axes == 0:
            return np.zeros(squares.shape[1:3])
        scale = squares[..., axes].sum(axis=-1) / (n_axes * count) + floor
        logs: np.ndarray = -0.5 * n_axes * (count * np.log(scale) + log_det)
        return logs

    straight = np.maximum(free.squares - free.cross**2 / free.times[..., None], 0)
    resting = profile(free.squares[-1:], free.log_det[-1:], lateral)[0, 0]
    resting = resting + profile(free.squares[-1:], free.log_det[-1:], axial).reshape(-1, n)[0]
    brownian = sum(_best(profile(free.squares, free.log_det, axes))[0] for axes in (lateral, axial))
    directed = sum(_best(profile(straight, free.log_det, axes))[0] for axes in (lateral, axial))
    in_trap = profile(trapped.squares, trapped.log_det, lateral)
    confined = _best(in_trap) + _best(profile(trapped.squares, trapped.log_det, axial))
    best_rate = np.argmax(confined, axis=0)
    column = np.arange(n)
    best_ratio = np.argmax(profile(straight, free.log_det, lateral)[:, 0], axis=0)
    slope = free.cross[best_ratio, 0, column] / free.times[best_ratio, 0, column][:, None]
    ratio = np.argmax(in_trap[:, best_rate, column], axis=0)
    step = trapped.squares[ratio, best_rate, column, lateral].sum(axis=-1) / (2 * count)
    trap = np.sqrt(step / (2 * rates[best_rate, column]))
    # Where no position differs from another all models explain everything.
    differs = (positions * is_real[..., None]).any(axis=(1, 2))
    return Likelihoods(
        immobile=np.where(differs, resting, 0.0),
        brownian=np.where(differs, brownian, 0.0),
        directed=np.where(differs, directed, 0.0),
        confined=np.where(differs, confined[best_rate, column], 0.0),
        velocity=slope,
        trap_um=trap,
    )


def _best(logs: np.ndarray) -> np.ndarray:
    """The best of the ratios; of axes that are not there, nothing."""
    best: np.ndarray = logs.max(axis=0) if logs.ndim == 3 else logs
    return best


@dataclass(frozen=True, eq=False)
class _Filtered:
    """Whitened sums of a bank of filters over ratios (a), relaxation rates (r) and tracks (n).

    Attributes:
        squares: sum of squared innovations over their variance, centre fitted, shape ``(a, r, n, d)``.
        cross: the same of positions times time, ``(a, r, n, d)``; zeros where there is a trap.
        times: the same of time times time, ``(a, r, n)``.
        log_det: logarithm of the covariance's determinant, with what integrating over the centre adds, ``(a, r, n)``.
    """

    squares: np.ndarray
    cross: np.ndarray
    times: np.ndarray
    log_det: np.ndarray


def _filtered(
    positions: np.ndarray, frames: np.ndarray, is_real: np.ndarray, ratios: np.ndarray, rates: np.ndarray
) -> _Filtered:
    """Kalman filter of a frame's step variance 1 and an error variance of ``ratios`` (0 and 1 for the infinite one).

    A linear filter whitens whatever passes it: beside the positions, time (for a velocity) and the constant 1 (for the
    centre) pass, and least squares on the whitened columns is the generalised least squares wanted.
    """
    n, length, d = positions.shape
    moves = np.isfinite(ratios)[:, None, None].astype(np.float64)
    error = np.where(np.isfinite(ratios), ratios, 1.0)[:, None, None]
    is_free = not rates.any()
    # Columns: positions along the axes, then time or the constant.
    extra = frames - frames[:, :1] if is_free else np.ones_like(frames)
    columns = np.concatenate([positions, extra[..., None]], axis=2)
    shape = (len(ratios), len(rates), n)
    at_rest = np.zeros(shape) if is_free else np.broadcast_to(1 / (2 * np.where(is_free, 1, rates)), shape)
    if is_free:  # the first position says where, and nothing else
        variance = np.broadcast_to(error, shape).copy()
        state = np.broadcast_to(columns[:, 0], (*shape, d + 1)).copy()
    else:
        variance, state = at_rest.copy(), np.zeros((*shape, d + 1))
    gram = np.zeros((*shape, d + 1))  # whitened products of each column with the last
    squares, log_det = np.zeros((*shape, d)), np.zeros(shape)
    for now in range(1 if is_free else 0, length):
        real = is_real[:, now]
        if now:
            elapsed = frames[:, now] - frames[:, now - 1]
            if is_free:
                variance = variance + moves * elapsed
            else:
                decay = np.exp(-rates * elapsed)
                variance = decay**2 * variance + at_rest * (1 - decay**2)
                state = state * decay[None, :, :, None]
        total = np.where(real, variance + error, 1.0)
        gain = np.where(real, variance / total, 0.0)
        innovation = columns[:, now] - state
        weight = np.where(real, 1 / total, 0.0)
        gram += innovation * (innovation[..., -1] * weight)[..., None]
        squares += innovation[..., :-1] ** 2 * weight[..., None]
        log_det += np.where(real, np.log(total), 0.0)
        state = state + innovation * gain[..., None]
        variance = variance * (1 - gain)
    cross, last = gram[..., :-1], gram[..., -1]
    if is_free:
        return _Filtered(squares, cross, last, log_det)
    return _Filtered(
        np.maximum(squares - cross**2 / last[..., None], 0), np.zeros_like(cross), last, log_det + np.log(last)
    )
