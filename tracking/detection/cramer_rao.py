from collections.abc import Sequence

import numpy as np

from tracking.detection.profile import AxisProfile, peak_share, product


def cramer_rao_bound(
    sigma: float | Sequence[float],
    signal: float,
    background: float,
    window: int | Sequence[int],
    *,
    centre: Sequence[float] | None = None,
) -> np.ndarray:
    """Least standard errors of an unbiased localisation of a lone spot under photon noise.

    From the Fisher information of the position, the mass and a constant background together, for Poisson noise and
    a Gaussian spot integrated over the pixels.

    Args:
        sigma: Standard deviation of the spot for each axis, in pixels; one number stands for two axes.
        signal: Height of the peak above the background, in photons: on the pixel of a spot centred on it.
        background: Photons per pixel.
        window: Side of the window in pixels, odd, for each axis or all.
        centre: Position of the spot from the centre of the middle pixel, 0 if not given.

    Returns:
        Standard error for each axis, in pixels, shape ``(ndim,)``.

    Raises:
        ValueError: ``sigma``, ``signal`` or ``background`` is not positive, or ``window`` is not odd and at least 3.

    Source: Ober, Ram and Ward 2004, doi:10.1016/S0006-3495(04)74193-4; Mortensen et al. 2010, doi:10.1038/nmeth.1447.
    """
    widths = np.array([sigma, sigma] if np.isscalar(sigma) else sigma, np.float64)
    sides = np.broadcast_to(np.asarray(window), widths.shape)
    if not (widths > 0).all() or not signal > 0 or not background > 0:
        raise ValueError(f"`sigma`, `signal` and `background` must be positive, got {sigma}, {signal}, {background}")
    if not ((sides >= 3) & (sides % 2 == 1)).all():
        raise ValueError(f"`window` must be odd and at least 3, got {window}")
    places = np.zeros(len(widths)) if centre is None else np.asarray(centre, np.float64)
    profiles = [
        AxisProfile.of(np.arange(side)[None] - side // 2, place[None], width)
        for side, place, width in zip(sides, places, widths, strict=True)
    ]
    mass = signal / peak_share(widths.tolist())
    shares = [profile.share for profile in profiles]
    shape = product(shares)[0]
    gradient = [np.ones_like(shape), shape]
    for axis, profile in enumerate(profiles):
        gradient.append(mass * product([*shares[:axis], profile.by_position, *shares[axis + 1 :]])[0])
    jacobian = np.stack(gradient)
    information = (jacobian / (background + mass * shape)) @ jacobian.T
    errors: np.ndarray = np.sqrt(np.diag(np.linalg.inv(information))[2:])
    return errors
