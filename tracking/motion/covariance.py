from collections.abc import Sequence

import numpy as np


def msd_covariance(
    lags: Sequence[int] | np.ndarray, n_frames: int, n_axes: int, step_variance: float, error_variance: float
) -> np.ndarray:
    """Covariance of one Brownian track's mean squared displacements at several lags, shape ``(lags, lags)``.

    Displacements over lags share steps and localisation errors, so that neighbouring lags tell nearly the same and
    long ones little: without this covariance a fit to them is far from the best there is.

    Args:
        lags: in frames, each from 1 to ``n_frames - 1``.
        n_frames: length of the track, without gaps.
        n_axes: 2 or 3.
        step_variance: per axis and frame, 2 D times the frame interval.
        error_variance: of the position, per axis.

    Source: sums the squared covariances of all pairs of displacements (Isserlis' theorem); for no localisation error it
    is equation B4 of Qian, Sheetz and Elson 1991, doi:10.1016/S0006-3495(91)82125-7, with error Michalet 2010,
    doi:10.1103/PhysRevE.82.041914, section II.
    """
    lags = np.asarray(lags)
    covariance = np.empty((len(lags), len(lags)))
    for row, k in enumerate(lags):
        for column, m in enumerate(lags[: row + 1]):
            # Two displacements, over k frames and over m, the second beginning `offset` frames after the first.
            offset = np.arange(-m, k + 1)
            count = np.minimum(n_frames - k, n_frames - m - offset) - np.maximum(0, -offset)
            shared = np.minimum(k, offset + m) - np.maximum(0, offset)
            errors = (offset == 0) * 1 + (offset == k - m) - (offset == k) - (offset == -m)
            of_pairs = step_variance * shared + error_variance * errors
            total = (
                2 * n_axes * np.sum(np.maximum(count, 0) * of_pairs**2) / (float(n_frames - k) * float(n_frames - m))
            )
            covariance[row, column] = covariance[column, row] = total
    return covariance
