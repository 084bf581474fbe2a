from itertools import product

import numpy as np
import numpy.typing as npt


def local_maxima(
    response: npt.NDArray[np.float32], threshold: npt.NDArray[np.float32] | float
) -> npt.NDArray[np.int64]:
    """Pixels above a threshold that exceed all their neighbours, diagonal ones included.

    Of equal neighbours the first in the order of the array counts.

    Args:
        response: Filtered frame.
        threshold: For the whole frame or for each pixel.

    Returns:
        Indices of the pixels, shape ``(n, ndim)``, in the order of the array.
    """
    padded = np.pad(response, 1, constant_values=-np.inf)
    places = np.stack(np.nonzero(response > threshold), axis=1)
    flat = np.ravel_multi_index(tuple(places.T + 1), padded.shape)
    values = padded.ravel()
    strides = np.array(padded.strides) // padded.itemsize
    for offset in product((-1, 0, 1), repeat=response.ndim):
        step = int(np.dot(offset, strides))
        if step == 0:
            continue
        here, there = values[flat], values[flat + step]
        is_higher = here > there if step < 0 else here >= there
        flat, places = flat[is_higher], places[is_higher]
    return places.astype(np.int64)


def refine_maxima(
    response: npt.NDArray[np.float32], places: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Position and height of maxima between the pixels, by a parabola through a maximum and its two neighbours.

    Args:
        response: Filtered frame.
        places: Of `local_maxima`.

    Returns:
        Positions, shape ``(n, ndim)``, at most half a pixel from the maxima, and heights, shape ``(n,)``.
    """
    here = response[tuple(places.T)].astype(np.float64)
    positions, heights = places.astype(np.float64), here.copy()
    for axis, size in enumerate(response.shape):
        neighbours = []
        for step in (-1, 1):
            moved = places.copy()
            moved[:, axis] = np.clip(moved[:, axis] + step, 0, size - 1)
            neighbours.append(response[tuple(moved.T)].astype(np.float64))
        before, after = neighbours
        curvature = 2 * here - before - after
        slope = (after - before) / 2
        shift = np.clip(np.divide(slope, curvature, out=np.zeros_like(here), where=curvature > 0), -0.5, 0.5)
        positions[:, axis] += shift
        heights += shift * slope / 2
    return positions, heights
