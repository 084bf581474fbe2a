from collections.abc import Iterator

import numpy as np

from tracking.simulation.options import SimulationOptions
from tracking.simulation.psf import elongated_spots, patch_radius, pixel_shares, round_spots
from tracking.simulation.seeding import frame_generator
from tracking.tracks import Tracks

# Spots are drawn in batches, so that any number of them, and of any width, takes little memory.
_PIXELS_AT_ONCE = 2**20


class Renderer:
    """Draws the frames of a movie, each alone and in any order.

    Spots are Gaussians integrated over every pixel, and over every slice. Their photons and the background's are
    counted with Poisson noise, the camera turns photons into counts, adds its offset and its own normal noise, and
    rounds and clips. Every frame has random numbers of its own, made from the seed and the frame's number: the same to
    the byte however many frames are drawn, and in which order.

    Long spots point along the particle's displacement to its next spot, the last one along that from the spot before;
    a particle seen once points anywhere.
    """

    def __init__(self, tracks: Tracks, options: SimulationOptions, seed: int) -> None:
        """Prepare to draw ``tracks``, which may come from anywhere.

        Raises:
            ValueError: The tracks and the frames have not the same number of axes.
        """
        if len(tracks.axes) != len(options.frame_shape):
            raise ValueError(f"tracks with axes {tracks.axes} do not fit into frames of shape {options.frame_shape}")
        self._options, self._seed = options, seed
        self._frames = tracks.spots["frame"].to_numpy()
        self._positions = tracks.positions()
        self._displacements = _displacements(tracks) if options.psf_elongation > 1 else None
        radius = patch_radius(options.psf_sigma * options.psf_elongation)
        self._radius = [patch_radius(options.psf_sigma_z), radius, radius][-len(options.frame_shape) :]
        self._photons = options.peak / _peak_share(options)

    def frame(self, frame: int) -> np.ndarray:
        """The movie's frame of that number, of the options' shape and type.

        Raises:
            ValueError: The movie has no such frame.
        """
        options = self._options
        rng = frame_generator(self._seed, self._require_frame(frame))
        counts = rng.poisson(self._expected(frame, rng)) * options.gain + options.offset
        if options.read_noise:
            counts += options.read_noise * rng.standard_normal(counts.shape)
        counts = np.clip(np.rint(counts), 0, np.iinfo(options.dtype).max)
        pixels: np.ndarray = counts.astype(options.dtype)
        return pixels

    def expected(self, frame: int) -> np.ndarray:
        """Photons expected in every pixel of a frame, background and all: the frame without noise, in float64.

        Raises:
            ValueError: The movie has no such frame.
        """
        return self._expected(frame, frame_generator(self._seed, self._require_frame(frame)))

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self.frame(frame) for frame in range(self._options.n_frames))

    def _require_frame(self, frame: int) -> int:
        if not 0 <= frame < self._options.n_frames:
            raise ValueError(f"`frame` must be from 0 to {self._options.n_frames - 1}, got {frame}")
        return frame

    def _expected(self, frame: int, rng: np.random.Generator) -> np.ndarray:
        options = self._options
        spots = slice(*np.searchsorted(self._frames, [frame, frame + 1]))
        positions = self._positions[spots]
        direction = None if self._displacements is None else _directions(self._displacements[spots], rng)
        light = np.zeros([size + 4 * r for size, r in zip(options.frame_shape, self._radius, strict=True)])
        patch_size = int(np.prod([2 * r + 1 for r in self._radius]))
        n_at_once = max(1, _PIXELS_AT_ONCE // patch_size)
        for first in range(0, len(positions), n_at_once):
            batch = slice(first, first + n_at_once)
            self._add_spots(light, positions[batch], None if direction is None else direction[batch])
        inner = tuple(slice(2 * r, 2 * r + n) for n, r in zip(options.frame_shape, self._radius, strict=True))
        return options.background + self._photons * (1 - options.bleaching) ** frame * light[inner]

    def _add_spots(self, light: np.ndarray, positions: np.ndarray, direction: np.ndarray | None) -> None:
        """Add spots to a frame that is wider by twice the radius of a spot's patch on every side."""
        options, radius = self._options, np.array(self._radius)
        nearest = np.rint(positions).astype(np.int64)
        is_near = ((nearest >= -radius) & (nearest < np.array(options.frame_shape) + radius)).all(axis=1)
        positions, nearest = positions[is_near], nearest[is_near]
        offset = positions - nearest
        if direction is None:
            patches = round_spots(offset[:, -2:], options.psf_sigma)
        else:
            patches = elongated_spots(offset[:, -2:], direction[is_near], options.psf_sigma, options.psf_elongation)
        if len(radius) == 3:
            patches = pixel_shares(offset[:, 0], options.psf_sigma_z, radius[0])[:, :, None, None] * patches[:, None]
        corner = np.ravel_multi_index(tuple((nearest + radius).T), light.shape)
        within = np.ravel_multi_index(np.indices(patches.shape[1:]), light.shape)
        index = corner.reshape(-1, *(1,) * len(radius)) + within
        # bincount adds one after the other: sums come out alike on every machine.
        light += np.bincount(index.ravel(), patches.ravel(), minlength=light.size).reshape(light.shape)


def render(tracks: Tracks, options: SimulationOptions, seed: int) -> Iterator[np.ndarray]:
    """The frames of a movie of ``tracks``, drawn one by one as they are asked for; see `Renderer`."""
    return iter(Renderer(tracks, options, seed))


def _peak_share(options: SimulationOptions) -> float:
    """The share of a spot's light in its central pixel, where that is the spot's centre."""
    sigmas = [options.psf_sigma, options.psf_sigma * options.psf_elongation]
    if len(options.frame_shape) == 3:
        sigmas.append(options.psf_sigma_z)
    return float(np.prod([pixel_shares(np.zeros(1), sigma, 0) for sigma in sigmas]))


def _displacements(tracks: Tracks) -> np.ndarray:
    """(y, x) from every spot to the particle's next, for its last from the one before, 0 where it has one only."""
    frame, particle = tracks.spots["frame"].to_numpy(), tracks.spots["particle"].to_numpy()
    order = np.lexsort((frame, particle))
    steps = np.diff(tracks.positions()[order, -2:], axis=0)
    goes_on = np.diff(particle[order]) == 0
    displacements = np.zeros((len(frame), 2))
    displacements[order[1:][goes_on]] = steps[goes_on]
    displacements[order[:-1][goes_on]] = steps[goes_on]
    return displacements


def _directions(displacements: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Unit vectors along ``displacements``, anywhere where one is 0; both of shape ``(n, 2)``."""
    anywhere = rng.standard_normal(displacements.shape)
    vectors = np.where(displacements.any(axis=1, keepdims=True), displacements, anywhere)
    unit: np.ndarray = vectors / np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    return unit
