from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from tracking.detection.pixels import Mask

# Median absolute value of a standard normal variable.
MEDIAN_ABSOLUTE = 0.6745
# Side of a tile in pixels at least, and in scales of the filter: enough independent pixels for a median.
TILE_PIXELS = 64
TILE_SCALES = 32
# Standard deviation in tiles.
SMOOTHING = 0.5


def local_noise(
    response: npt.NDArray[np.float32], scales: Sequence[float], floor: float, missing: Mask | None = None
) -> npt.NDArray[np.float32]:
    """Standard deviation of the noise in a filtered frame, which may vary over the frame.

    From the median absolute value within each tile, which a few spots do not move, a little smoothed and interpolated
    between the tiles' centres.

    Args:
        response: Filtered frame.
        scales: Of the filter, for each axis.
        floor: The least it can be.
        missing: Pixels without a value.

    Returns:
        Shape of ``response``.
    """
    sides = [max(TILE_PIXELS, TILE_SCALES * scale) for scale in scales]
    counts = [max(1, int(size / side)) for size, side in zip(response.shape, sides, strict=True)]
    # Neighbouring pixels say nearly the same, so that some can be skipped.
    steps = [
        min(max(2, round(1.5 * scale)), 6) if size >= TILE_PIXELS else 1
        for size, scale in zip(response.shape, scales, strict=True)
    ]
    tiles = np.abs(_tiles(response, counts, steps))
    if missing is None:
        middle = tiles.shape[-1] // 2
        noise = np.partition(tiles, middle, axis=-1)[..., middle]
    else:
        noise = _median_of_known(tiles, _tiles(missing, counts, steps))
    noise = np.maximum(gaussian_filter(noise / MEDIAN_ABSOLUTE, SMOOTHING, mode="nearest"), floor)
    for axis, (size, count) in enumerate(zip(response.shape, counts, strict=True)):
        noise = np.moveaxis(np.tensordot(_interpolation(size, count), noise.astype(np.float32), (1, axis)), 0, axis)
    return np.ascontiguousarray(noise, np.float32)


def _tiles(frame: npt.NDArray[Any], counts: Sequence[int], steps: Sequence[int]) -> npt.NDArray[Any]:
    """Pixels of each tile, shape ``(*counts, n)``."""
    sides = [size // count for size, count in zip(frame.shape, counts, strict=True)]
    whole = frame[tuple(slice(count * side) for count, side in zip(counts, sides, strict=True))]
    split = whole.reshape([n for pair in zip(counts, sides, strict=True) for n in pair])
    split = split[tuple(part for step in steps for part in (slice(None), slice(None, None, step)))]
    ndim = frame.ndim
    return split.transpose(*range(0, 2 * ndim, 2), *range(1, 2 * ndim, 2)).reshape(*counts, -1)


def _median_of_known(tiles: npt.NDArray[np.float32], missing: Mask) -> npt.NDArray[np.float32]:
    """Medians of the pixels that have a value; a tile with few of them gets the median of all."""
    known = ~missing
    overall = np.median(tiles[known]) if known.any() else np.float32(0)
    enough = known.mean(axis=-1) > 0.1
    medians = np.full(tiles.shape[:-1], overall, np.float32)
    medians[enough] = np.nanmedian(np.where(known[enough], tiles[enough], np.nan), axis=-1)
    return medians


def _interpolation(size: int, count: int) -> npt.NDArray[np.float32]:
    """Linear interpolation from the centres of tiles to pixels, shape ``(size, count)``."""
    side = size // count
    place = np.clip((np.arange(size) - (side - 1) / 2) / side, 0, count - 1)
    below = np.minimum(place.astype(int), max(count - 2, 0))
    share = (place - below).astype(np.float32)
    matrix = np.zeros((size, count), np.float32)
    matrix[np.arange(size), below] = 1 - share
    matrix[np.arange(size), np.minimum(below + 1, count - 1)] += share
    return matrix
