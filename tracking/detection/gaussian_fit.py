from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from tracking.detection.pixels import Mask
from tracking.detection.profile import Array, AxisProfile, product
from tracking.detection.windows import Windows, window_radius

# A spot and a neighbour, one of each for every pair.
Pairs = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]

MAX_ROUNDS = 20
# Steps below this share of a standard deviation of the spot end the fit.
CONVERGED = 5e-3
# The variance at a pixel is at least this share of the background's.
LEAST_VARIANCE = 0.1


@dataclass(frozen=True)
class SpotFits:
    """Gaussian fits to n spots of a frame.

    Attributes:
        position: Shape ``(n, ndim)``, in the order of the frame's axes.
        covariance: Of the errors of the position, shape ``(n, ndim, ndim)``.
        mass: Integrated intensity above the background, shape ``(n,)``.
        background: Shape ``(n,)``.
        sigma_step: By how much the spot's standard deviation seems to differ from the one assumed, along each axis of
            the lens (x and y together last, z before), shape ``(n, 1)`` or ``(n, 2)``: one step of scoring.
        sigma_variance: Variances of the errors of ``sigma_step``.
        succeeded: Where False, the position is the one given and the errors are of the size of the spot.
        residual: Values less the model, shape ``(n, K)``, as in `Windows`.
        model: The spot itself without background, shape ``(n, K)``.
        leverage: Share of each pixel's noise that the fit has followed, shape ``(n, K)``: the residual's variance is
            less than the pixel's by it.
        is_known: Which pixels have a value, shape ``(n, K)``.
    """

    position: Array
    covariance: Array
    mass: Array
    background: Array
    sigma_step: Array
    sigma_variance: Array
    succeeded: Mask
    residual: Array
    model: Array
    leverage: Array
    is_known: Mask


def fit_spots(
    frame: npt.NDArray[np.float32],
    start: Array,
    mass: Array,
    sigma: Sequence[float],
    noise_variance: Array,
    gain: float,
    missing: Mask | None = None,
) -> SpotFits:
    """Fit a Gaussian of known width on a constant background to every spot at once.

    The Gaussian is integrated over the pixels. The noise at a pixel has the variance ``noise_variance + gain * s``
    where s is the light of spots there: photon noise where the gain is that of the camera, white noise where it
    is 0. Weighted least squares, the weights taken from the model in each round, which for photon noise is the method
    of scoring for the greatest likelihood; the errors are those of the Fisher information. Neighbours are subtracted
    from a spot's window with what is known of them in the same round.

    Args:
        frame: Shape ``(y, x)`` or ``(z, y, x)``.
        start: Positions to begin at, shape ``(n, ndim)``.
        mass: Masses to begin with, shape ``(n,)``.
        sigma: Standard deviation of the spots for each axis.
        noise_variance: Variance of the noise of the background of each spot, shape ``(n,)``.
        gain: By how much the variance grows with the intensity.
        missing: Pixels without a value.

    Source: Smith et al. 2010, doi:10.1038/nmeth.1449, for the model and its Fisher information.
    """
    widths = np.asarray(sigma, np.float64)
    windows = Windows.around(frame, start, window_radius(sigma), missing)
    neighbours = _neighbours(start, windows)
    state = _State(start.copy(), mass.copy(), np.zeros(len(start)))
    least_mass = 0.05 * np.abs(mass)
    # Neither far from where it begins nor out of the frame.
    lowest = np.maximum(start - _reach(widths), -0.5)
    highest = np.minimum(start + _reach(widths), np.array(frame.shape) - 0.5)
    active = np.arange(len(start))
    for step_number in range(MAX_ROUNDS):
        part = _linearise(windows, neighbours, state, widths, noise_variance, gain, active)
        step = _solve(part.jacobian, part.weight, part.residual)[0]
        state.background[active] += step[:, 0]
        state.mass[active] = np.maximum(state.mass[active] + step[:, 1], least_mass[active])
        # The first round knows no background yet and so has little to say of the position.
        moved = np.clip(step[:, 2:], -0.5 * widths, 0.5 * widths) if step_number else 0.5 * step[:, 2:]
        state.position[active] = np.clip(state.position[active] + moved, lowest[active], highest[active])
        if step_number:
            active = active[(np.abs(moved) > CONVERGED * widths).any(axis=1)]
        if not len(active):
            break
    return _finish(windows, neighbours, start, state, widths, noise_variance, gain, least_mass)


@dataclass(frozen=True)
class _State:
    """What the fits of n spots have come to; changed in place."""

    position: Array
    mass: Array
    background: Array


@dataclass(frozen=True)
class _Linear:
    """Model of the windows of some spots near the present state; shapes ``(n, K)``, the Jacobian's ``(n, p, K)``."""

    jacobian: Array
    weight: Array
    residual: Array
    model: Array


def _linearise(
    windows: Windows,
    neighbours: Pairs,
    state: _State,
    widths: Array,
    noise_variance: Array,
    gain: float,
    spots: npt.NDArray[np.int64],
) -> _Linear:
    shape, gradient = _spot([c[spots] for c in windows.coordinates], state.position[spots], widths)
    mass = state.mass[spots, None]
    model = mass * shape
    others = _light_of_neighbours(windows, neighbours, state, widths)[spots]
    variance = noise_variance[spots, None]
    weight = windows.is_known[spots] / np.maximum(
        variance + gain * np.maximum(model + others, 0), LEAST_VARIANCE * variance
    )
    residual = windows.values[spots] - others - model - state.background[spots, None]
    jacobian = np.stack([np.ones_like(shape), shape, *(mass * part for part in gradient)], axis=1)
    return _Linear(jacobian, weight, residual, model)


def _reach(widths: Array) -> Array:
    """How far a fit may lead away from where it begins."""
    return np.maximum(1.0, 1.5 * widths)


def _finish(
    windows: Windows,
    neighbours: Pairs,
    start: Array,
    state: _State,
    widths: Array,
    noise_variance: Array,
    gain: float,
    least_mass: Array,
) -> SpotFits:
    ndim = len(widths)
    reach = _reach(widths)
    position, mass = state.position, state.mass
    last = _linearise(windows, neighbours, state, widths, noise_variance, gain, np.arange(len(start)))
    jacobian, weight, residual = last.jacobian, last.weight, last.residual
    _, covariance = _solve(jacobian, weight, residual)
    leverage = weight * np.einsum("npk,npq,nqk->nk", jacobian, covariance, jacobian, optimize=True)
    in_plane = sum(_sigma_gradient(windows.coordinates, position, widths, axis) for axis in range(ndim - 2, ndim))
    by_sigma = [*(_sigma_gradient(windows.coordinates, position, widths, axis) for axis in range(ndim - 2)), in_plane]
    wide = np.concatenate([jacobian, mass[:, None, None] * np.stack(by_sigma, axis=1)], axis=1)
    step, wide_covariance = _solve(wide, weight, residual)
    spatial = covariance[:, 2:, 2:]
    failed = (
        (np.abs(position - start) >= reach - 1e-9).any(axis=1)
        | (mass <= least_mass)
        | ~np.isfinite(spatial).all(axis=(1, 2))
        | (np.diagonal(spatial, axis1=1, axis2=2) > reach**2).any(axis=1)
    )
    spatial = np.where(failed[:, None, None], np.diag(reach**2), spatial)
    n_sigma = ndim - 1
    return SpotFits(
        np.where(failed[:, None], start, position),
        spatial,
        mass,
        state.background,
        step[:, -n_sigma:],
        np.diagonal(wide_covariance, axis1=1, axis2=2)[:, -n_sigma:],
        ~failed,
        residual,
        last.model,
        leverage,
        windows.is_known,
    )


def _spot(coordinates: Sequence[npt.NDArray[np.int64]], position: Array, widths: Array) -> tuple[Array, list[Array]]:
    """Spots of mass 1 and their derivatives by the position, shapes ``(n, K)``."""
    profiles = [AxisProfile.of(c, position[:, axis], widths[axis]) for axis, c in enumerate(coordinates)]
    shares = [profile.share for profile in profiles]
    gradient = [
        product([*shares[:axis], profile.by_position, *shares[axis + 1 :]]) for axis, profile in enumerate(profiles)
    ]
    return product(shares), gradient


def _sigma_gradient(
    coordinates: Sequence[npt.NDArray[np.int64]], position: Array, widths: Array, of_axis: int
) -> Array:
    profiles = [AxisProfile.of(c, position[:, axis], widths[axis]) for axis, c in enumerate(coordinates)]
    return product([p.by_sigma if axis == of_axis else p.share for axis, p in enumerate(profiles)])


def _solve(jacobian: Array, weight: Array, residual: Array) -> tuple[Array, Array]:
    """Step and covariance of weighted least squares for each spot; `jacobian` has shape ``(n, parameters, K)``."""
    weighted = jacobian * weight[:, None, :]
    information = weighted @ jacobian.transpose(0, 2, 1)
    # Scaled to a unit diagonal, the parameters' different units do no harm, and a little damping keeps a window with
    # hardly a pixel solvable. A parameter of which the window says nothing gets a huge error.
    scale = np.sqrt(np.maximum(np.diagonal(information, axis1=1, axis2=2), 1e-12))
    normal = information / (scale[:, :, None] * scale[:, None, :]) + 1e-9 * np.eye(jacobian.shape[1])
    inverse = np.linalg.inv(normal) / (scale[:, :, None] * scale[:, None, :])
    step = (inverse @ (weighted @ residual[:, :, None]))[:, :, 0]
    return step, inverse


def _neighbours(start: Array, windows: Windows) -> Pairs:
    """Pairs (spot, neighbour) where a neighbour's light reaches into a spot's window; sorted by spot."""
    # A window's half side plus as much again of the neighbour: distances in units of that, by the farthest axis.
    reach = np.array([c.shape[1] for c in windows.coordinates], np.float64)
    pairs = cKDTree(start / reach).query_pairs(1.0, p=np.inf, output_type="ndarray")
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    return both[:, 0], both[:, 1]


def _light_of_neighbours(
    windows: Windows,
    neighbours: Pairs,
    state: _State,
    widths: Array,
) -> Array:
    """What the neighbours add to each spot's window, shape ``(n, K)``."""
    light = np.zeros(windows.values.shape)
    spot, neighbour = neighbours
    if not len(spot):
        return light
    coordinates = [c[spot] for c in windows.coordinates]
    shares = [
        AxisProfile.of(c, state.position[neighbour, axis], widths[axis]).share for axis, c in enumerate(coordinates)
    ]
    added = state.mass[neighbour, None] * product(shares)
    first = np.flatnonzero(np.append(True, spot[1:] != spot[:-1]))
    light[spot[first]] = np.add.reduceat(added, first, axis=0)
    return light
