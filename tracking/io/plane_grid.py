from collections.abc import Callable

import numpy as np


def read_planes(
    index: tuple[int | slice, ...], grid: tuple[int, ...], read_plane: Callable[[int], np.ndarray]
) -> np.ndarray:
    """Part of an array that is stored as numbered planes.

    Args:
        index: For every axis a number, or ``slice(None)`` for all of it; those of the grid first.
        grid: Sizes of the leading axes, along which the planes are numbered, the last one fastest.
        read_plane: Gives a plane by its number: the array over the other axes.
    """
    numbers = np.zeros((), np.int64)
    for entry, size in zip(index[: len(grid)], grid, strict=True):
        numbers = (
            numbers * size + entry if isinstance(entry, int) else numbers[..., np.newaxis] * size + np.arange(size)
        )
    inner = index[len(grid) :]
    planes = [read_plane(int(number))[inner] for number in numbers.ravel()]
    return np.stack(planes).reshape(numbers.shape + planes[0].shape)
