from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tracking.simulation.options import SimulationOptions
from tracking.simulation.renderer import Renderer
from tracking.simulation.scenarios import scenario_options
from tracking.simulation.tracks import simulate_tracks
from tracking.tracks import Tracks


@dataclass(frozen=True, eq=False)
class Simulation:
    """A simulated movie and its truth. Iterate over it for its frames, which are drawn as they are asked for.

    Attributes:
        options: What was simulated.
        seed: With which random numbers.
        truth: Where every particle is in every frame.
    """

    options: SimulationOptions
    seed: int
    truth: Tracks
    _renderer: Renderer

    @classmethod
    def create(cls, options: SimulationOptions, seed: int) -> Self:
        """Simulate the tracks; the frames follow when they are asked for.

        Raises:
            TrackingError: ``seed`` is negative.
        """
        truth = simulate_tracks(options, seed)
        return cls(options, seed, truth, Renderer(truth, options, seed))

    @property
    def n_frames(self) -> int:
        """Frames of the movie."""
        return self.options.n_frames

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Rows and columns of a frame, or slices, rows and columns."""
        return self.options.frame_shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the movie's pixels, uint8 or uint16."""
        return self.options.dtype

    def frame(self, frame: int) -> np.ndarray:
        """The frame of that number, the same whichever others are drawn.

        Raises:
            ValueError: The movie has no such frame.
        """
        return self._renderer.frame(frame)

    def __len__(self) -> int:
        return self.n_frames

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self._renderer)


def simulate(
    scenario: str,
    *,
    density: str | float = "mid",
    snr: float = 4.0,
    seed: int = 0,
    overrides: Mapping[str, Any] | None = None,
) -> Simulation:
    """A movie like those of the Particle Tracking Challenge, and its truth.

    Args:
        scenario: vesicle, receptor, microtubule or virus.
        density: ``low``, ``mid``, ``high`` or the number of particles in a frame; see `scenario_options`.
        snr: Signal-to-noise ratio; the challenge has 1, 2, 4 and 7.
        seed: A whole number from 0; the same one gives the same movie to the byte, with the same version of numpy.
        overrides: Other fields of `SimulationOptions` to set, such as ``n_frames`` or ``frame_shape``.

    Raises:
        TrackingError: There is no such scenario, density or option, or a value is out of range.
    """
    return Simulation.create(scenario_options(scenario, density=density, snr=snr, overrides=overrides), seed)
