from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from tracking.calibration.movie_model import MovieModel
from tracking.simulation import Renderer, SimulationOptions, simulate_positions
from tracking.tracks import Tracks

# Spots are drawn in so many classes of brightness, if they differ by more than a little.
CLASSES, LEAST_SPREAD = 5, 0.05
# Spots are drawn with this peak, (I - b) / sqrt(I) squared on no background, and then scaled.
_SNR, _PEAK = 10.0, 100.0


@dataclass(frozen=True, eq=False)
class LikeMovie:
    """A simulated movie and its truth. Iterate over it for its frames.

    Attributes:
        model: What was simulated.
        truth: Where every particle is in every frame, whether it shows or not.
        frame_shape: Rows and columns of a frame, or slices, rows and columns.
        n_frames: Frames of the movie.
        dtype: Type of its pixels.
        seed: Of its random numbers.
    """

    model: MovieModel
    truth: Tracks
    frame_shape: tuple[int, ...]
    n_frames: int
    dtype: np.dtype
    seed: int
    _drawn: tuple[tuple[float, Renderer], ...]

    def frame(self, index: int) -> np.ndarray:
        """The frame of that number, the same whichever others are drawn."""
        model = self.model
        light = np.zeros(self.frame_shape)
        for signal, renderer in self._drawn:
            light += signal / _PEAK * renderer.expected(index)
        rng = np.random.default_rng([self.seed, 3, index])
        # Without any photon noise a Poisson number of many photons stands for it.
        gain = max(model.gain, 0.01 * model.noise)
        photons = (model.noise / gain) ** 2
        if self.dtype.kind == "u" and not model.dark:
            photons = min(photons, max(model.background, 0.0) / gain)
        read = np.sqrt(max(model.noise**2 - gain**2 * photons, 0.0))
        counted = gain * (rng.poisson(photons + light / gain) - photons)
        sign = -1.0 if model.dark else 1.0
        values = model.background + sign * (counted + read * rng.standard_normal(self.frame_shape))
        if self.dtype.kind in "iu":
            bounds = np.iinfo(self.dtype)
            values = np.clip(np.rint(values), bounds.min, bounds.max)
        pixels: np.ndarray = values.astype(self.dtype)
        return pixels

    def __len__(self) -> int:
        return self.n_frames

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self.frame(index) for index in range(self.n_frames))


def simulate_like(
    model: MovieModel, frame_shape: tuple[int, ...], n_frames: int, dtype: np.dtype, seed: int
) -> LikeMovie:
    """A movie of a model: particles of all its motions together, spots of all brightness, and the camera's noise.

    Args:
        model: What to simulate.
        frame_shape: Rows and columns of a frame, or slices, rows and columns.
        n_frames: Frames.
        dtype: Type of the pixels.
        seed: The same one gives the same movie.
    """
    rng = np.random.default_rng([seed, 1])
    spots = true_spots(model, frame_shape, n_frames, rng)
    truth = Tracks.create(spots)
    shown = spots[rng.random(len(spots)) >= model.hidden]
    clutter = _clutter(
        model.clutter * _n_particles(model, frame_shape), frame_shape, n_frames, int(spots["particle"].max()) + 1, rng
    )
    shown = pd.concat([shown, clutter], ignore_index=True)
    return LikeMovie(model, truth, frame_shape, n_frames, np.dtype(dtype), seed, _drawn(model, shown, frame_shape, rng))


def true_spots(
    model: MovieModel, frame_shape: tuple[int, ...], n_frames: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Where the particles of a model are: ``frame``, ``particle``, and positions in pixels and slices.

    Args:
        model: What to simulate.
        frame_shape: Rows and columns of a frame, or slices, rows and columns.
        n_frames: Frames.
        rng: Where the randomness comes from.
    """
    n_particles = _n_particles(model, frame_shape)
    tables = []
    first = 0
    # A motion that stands several times is simulated once, so that what its particles share they share all.
    for motion in dict.fromkeys(model.motions):
        options = SimulationOptions(
            motion=motion,
            particles_per_frame=n_particles * model.motions.count(motion) / len(model.motions),
            survival=model.survival,
            n_frames=n_frames,
            frame_shape=frame_shape,
            z_spacing=model.z_spacing,
        )
        found = simulate_positions(options, rng)
        columns = dict(zip(("x", "y", "z"), found.position.T[::-1], strict=False))
        tables.append(pd.DataFrame({"frame": found.frame, "particle": found.particle + first, **columns}))
        first += int(found.particle.max(initial=-1)) + 1
    table = pd.concat(tables, ignore_index=True)
    if table.empty:
        # A movie without any particle has no truth to compare with.
        middle = {axis: (size - 1) / 2 for axis, size in zip(("x", "y", "z"), frame_shape[::-1], strict=False)}
        table = pd.DataFrame({"frame": np.arange(n_frames), "particle": 0, **middle})
    return table


def _n_particles(model: MovieModel, frame_shape: tuple[int, ...]) -> float:
    return max(model.density * float(np.prod(frame_shape)), 1e-3)


def _clutter(
    per_frame: float, frame_shape: tuple[int, ...], n_frames: int, first: int, rng: np.random.Generator
) -> pd.DataFrame:
    counts = rng.poisson(per_frame, n_frames)
    n = int(counts.sum())
    place = rng.uniform(-0.5, np.array(frame_shape) - 0.5, (n, len(frame_shape)))
    columns = dict(zip(("x", "y", "z"), place.T[::-1], strict=False))
    return pd.DataFrame({"frame": np.repeat(np.arange(n_frames), counts), "particle": first + np.arange(n), **columns})


def _drawn(
    model: MovieModel, shown: pd.DataFrame, frame_shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[tuple[float, Renderer], ...]:
    options = SimulationOptions(
        motion=model.motions[0],
        particles_per_frame=1.0,
        snr=_SNR,
        background=0.0,
        n_frames=int(shown["frame"].max()) + 1 if len(shown) else 1,
        frame_shape=frame_shape,
        z_spacing=model.z_spacing,
        psf_sigma=float(np.clip(model.psf_sigma, 0.4, 20)),
        psf_elongation=model.psf_elongation,
        psf_sigma_z=float(np.clip(model.psf_sigma_z, 0.1, 20)),
        bit_depth=16,
    )
    n_classes = CLASSES if model.signal_spread > LEAST_SPREAD else 1
    of = rng.integers(0, n_classes, int(shown["particle"].max()) + 1 if len(shown) else 1)
    middle = ndtri((np.arange(n_classes) + 0.5) / n_classes) * model.signal_spread
    drawn = []
    for one in range(n_classes):
        own = shown[of[shown["particle"].to_numpy()] == one]
        drawn.append((model.signal * float(np.exp(middle[one])), Renderer(Tracks.create(own), options, 0)))
    return tuple(drawn)
