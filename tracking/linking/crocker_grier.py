from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from tracking.errors import TrackingError
from tracking.linking.options import LinkingOptions


def link_trackpy(frames: np.ndarray, positions: np.ndarray, radius: float, options: LinkingOptions) -> np.ndarray:
    """Links as trackpy makes them: plain, adaptive or with predicted velocities, as the options say.

    Args:
        frames: Frame of every spot, ascending, shape ``(n,)``.
        positions: Positions in pixels, shape ``(n, d)``.
        radius: Farthest a particle moves between two frames, or from where it is predicted, in pixels.
        options: trackpy's ``memory`` is the longest gap.

    Returns:
        Links as indices of spots, earlier one first, shape ``(m, 2)``.

    Raises:
        TrackingError: trackpy gives a crowd of spots up.

    Source: Crocker and Grier 1996, doi:10.1006/jcis.1996.0217, as trackpy 0.7 has it.
    """
    from trackpy.linking import Linker, SubnetOversizeException

    is_adaptive, has_velocity = options.method == "trackpy-adaptive", options.method == "trackpy-velocity"
    velocity = _NearestVelocity(positions.shape[1])
    # The class behind `trackpy.link_iter`, which writes a line per frame to the standard output.
    linker = Linker(
        radius,
        memory=options.longest_gap,
        predictor=velocity.predict if has_velocity else None,
        adaptive_stop=(options.adaptive_stop or radius / 10) if is_adaptive else None,
        adaptive_step=options.adaptive_step,
    )
    particle = np.empty(len(frames), np.int64)
    for number, (frame, first, last) in enumerate(_levels(frames, options.longest_gap)):
        try:
            (linker.next_level if number else linker.init_level)(positions[first:last], frame)
        except SubnetOversizeException as error:
            raise TrackingError(
                f"trackpy gives up in frame {frame}, where too many spots lie within --search-radius {radius:g} of one "
                "another: choose a smaller one, or link with " + ("lap" if is_adaptive else "trackpy-adaptive or lap")
            ) from error
        particle[first:last] = linker.particle_ids
        if has_velocity and last > first:
            velocity.observe(frame, positions[first:last], particle[first:last])
    order = np.lexsort((frames, particle))
    is_same = particle[order[1:]] == particle[order[:-1]]
    return np.stack([order[:-1][is_same], order[1:][is_same]], axis=1)


def _levels(frames: np.ndarray, max_gap: int) -> Iterator[tuple[int, int, int]]:
    """Every frame with the bounds of its spots; those without spots too, as they count for trackpy's memory.

    Of a longer gap than the memory no more frames are given than it takes to forget.
    """
    numbers, starts = np.unique(frames, return_index=True)
    ends = [*starts[1:].tolist(), len(frames)]
    previous = int(numbers[0])
    for number, start, end in zip(numbers.tolist(), starts.tolist(), ends, strict=True):
        for empty in range(previous + 1, min(number, previous + max_gap + 2)):
            yield empty, start, start
        yield number, start, end
        previous = number


class _NearestVelocity:
    """trackpy's `NearestVelocityPredict` for frames that may share no particle."""

    def __init__(self, n_axes: int) -> None:
        self.columns = [f"axis {axis}" for axis in range(n_axes)]
        self.particles: np.ndarray = np.empty(0, np.int64)
        self.predictor: Any = None

    def observe(self, frame: int, positions: np.ndarray, particles: np.ndarray) -> None:
        from trackpy.predict import NearestVelocityPredict

        table = pd.DataFrame(positions, columns=self.columns).assign(frame=frame, particle=particles)
        if not np.isin(particles, self.particles).any():
            # Without a particle to take a velocity from, trackpy warns and goes on with none, as at the beginning.
            self.predictor = NearestVelocityPredict(pos_columns=self.columns)
            self.predictor.t_column = "frame"
        self.predictor.observe(table)
        self.particles = particles

    def predict(self, frame: int, points: list[Any]) -> np.ndarray:
        predicted: np.ndarray = self.predictor.predict(frame, points)
        return predicted
