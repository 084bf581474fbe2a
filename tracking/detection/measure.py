import numpy as np
import numpy.typing as npt
import pandas as pd

from tracking.detection.candidates import Candidates
from tracking.detection.gaussian_fit import fit_spots
from tracking.detection.pixels import Intensities, Mask
from tracking.detection.profile import Array, AxisProfile, peak_share, product
from tracking.detection.shape import spot_shape
from tracking.detection.table import AXES, spot_columns
from tracking.detection.windows import Windows, window_radius


def measure_spots(
    values: npt.NDArray[np.float32],
    found: Candidates,
    sigma: tuple[float, ...],
    gain: float,
    intensities: Intensities,
    missing: Mask | None,
    fit: bool,
) -> pd.DataFrame:
    """Table of spots with the columns of `spot_columns`, in the intensities of the movie.

    Args:
        values: Frame on the scale of ``intensities``.
        found: Where spots are.
        sigma: Standard deviation of a spot for each axis.
        gain: By how much the variance of the noise grows with the intensity.
        intensities: Scale of ``values``.
        missing: Pixels without a value.
        fit: Fit a Gaussian; else the positions are those found, without errors.
    """
    ndim = values.ndim
    columns: dict[str, Array] = {}
    if fit:
        fits = fit_spots(values, found.positions, found.masses, sigma, found.noise_variances, gain, missing)
        position, mass, background = fits.position, fits.mass, fits.background
        windows = Windows.around(values, position, window_radius(sigma), missing)
        moments = spot_shape(windows, background, position, sigma)
        # One step of scoring is close to the best fit only while it is small.
        width = np.clip(sigma[-1] + fits.sigma_step[:, -1], 0.5 * sigma[-1], 2 * sigma[-1])
        columns["size"] = np.where(fits.succeeded, width, np.nan)
        _add_errors(columns, fits.covariance)
    else:
        position = found.positions
        windows = Windows.around(values, position, window_radius(sigma), missing)
        mass, background = _mass_and_background(windows, position, sigma)
        moments = spot_shape(windows, background, position, sigma)
        columns["size"] = moments[0]
    scale = abs(intensities.scale)
    signal = mass * peak_share(sigma)
    noise = np.sqrt(found.noise_variances + gain * np.maximum(signal, 0))
    columns.update(zip(AXES[-ndim:], position.T, strict=True))
    columns["ecc"] = moments[1]
    columns["mass"] = mass * scale
    columns["signal"] = signal * scale
    columns["background"] = background * intensities.scale + intensities.offset
    columns["raw_mass"] = (
        windows.values.sum(axis=1) * intensities.scale + windows.is_known.sum(axis=1) * intensities.offset
    )
    columns["snr"] = signal / noise
    table = pd.DataFrame({name: columns.get(name, np.nan) for name in spot_columns(ndim)}, dtype=np.float64)
    return table.iloc[np.lexsort(position.T[::-1])].reset_index(drop=True)


def _add_errors(columns: dict[str, Array], covariance: Array) -> None:
    ndim = covariance.shape[1]
    axes = AXES[-ndim:]
    for i, axis in enumerate(axes):
        columns[f"{axis}_std"] = np.sqrt(covariance[:, i, i])
        for j in range(i):
            columns[f"{axis}{axes[j]}_cov"] = covariance[:, i, j]
    columns["ep"] = np.sqrt((covariance[:, -1, -1] + covariance[:, -2, -2]) / 2)


def _mass_and_background(windows: Windows, position: Array, sigma: tuple[float, ...]) -> tuple[Array, Array]:
    """Least squares of spots of known place and width on a constant background."""
    shape = product(
        [AxisProfile.of(c, position[:, axis], sigma[axis]).share for axis, c in enumerate(windows.coordinates)]
    )
    known = windows.is_known
    count = np.maximum(known.sum(axis=1), 1)
    mean_shape = (shape * known).sum(axis=1) / count
    mean_value = windows.values.sum(axis=1) / count
    centred = (shape - mean_shape[:, None]) * known
    mass = (centred * windows.values).sum(axis=1) / np.maximum((centred**2).sum(axis=1), 1e-30)
    return mass, mean_value - mass * mean_shape
