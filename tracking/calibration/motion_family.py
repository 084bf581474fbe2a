from dataclasses import dataclass

import numpy as np

from tracking.calibration.steps import Steps
from tracking.simulation.brownian import BrownianMotion
from tracking.simulation.confined import ConfinedMotion
from tracking.simulation.directed import DirectedMotion
from tracking.simulation.lifetimes import Lifetimes
from tracking.simulation.motion import Motion
from tracking.simulation.switching import SwitchingMotion

# Least and greatest value of each parameter. Lengths are in units of the movie's root mean square step along an axis.
BOUNDS: dict[str, tuple[tuple[float, float], ...]] = {
    "brownian": ((0.15, 3.0), (0.02, 0.9)),  # step; its spread from particle to particle
    "directed": ((0.2, 3.0), (0.03, 0.95), (0.02, 0.9)),  # velocity; acceleration over it; its spread
    "switching": ((0.05, 1.5), (0.5, 4.0), (0.02, 0.9), (0.01, 0.5)),  # step; speed; its spread; switch probability
    "one way": ((0.05, 1.5), (0.5, 4.0), (0.02, 0.9), (0.01, 0.5)),  # the same, all in one direction
    "confined": ((0.1, 3.0), (1.0, 8.0)),  # step; radius over it
}


@dataclass(frozen=True)
class MotionFamily:
    """Kinds of motion that the particles of a movie may have, each of them with a share of the particles.

    Attributes:
        kinds: Names in `BOUNDS`.
        quarters: Quarters of the particles that move so.
    """

    kinds: tuple[str, ...]
    quarters: tuple[int, ...]

    @property
    def name(self) -> str:
        """For people: ``brownian``, or ``75% brownian + 25% directed``."""
        if len(self.kinds) == 1:
            return self.kinds[0]
        return " + ".join(f"{25 * n}% {kind}" for kind, n in zip(self.kinds, self.quarters, strict=True))

    @property
    def bounds(self) -> np.ndarray:
        """Logarithms of the least and greatest value of all parameters, shape ``(k, 2)``."""
        return np.asarray(np.log(np.concatenate([np.array(BOUNDS[kind]) for kind in self.kinds])))

    def motions(self, place: np.ndarray, unit: float) -> tuple[Motion, ...]:
        """Motion models, one for each quarter of the particles, or one for all.

        Args:
            place: Of the parameters between their bounds, each from 0 to 1, shape ``(k,)``.
            unit: Root mean square step along an axis, in pixels.
        """
        low, high = self.bounds.T
        values = np.exp(low + place * (high - low)).tolist()
        found: list[Motion] = []
        for kind, n in zip(self.kinds, self.quarters, strict=True):
            own, values = values[: len(BOUNDS[kind])], values[len(BOUNDS[kind]) :]
            found += [_motion(kind, own, unit)] * (n if len(self.kinds) > 1 else 1)
        return tuple(found)


def _motion(kind: str, values: list[float], unit: float) -> Motion:
    first = values[0] * unit
    if kind == "brownian":
        return BrownianMotion(step=_about(first, values[1]))
    if kind == "directed":
        low, high = _about(first, values[2])
        change = min(values[1] * first, low)
        return DirectedMotion(velocity=(low, high), acceleration=(change, change))
    if kind == "confined":
        return ConfinedMotion(step=(first, first), radius=(first * values[1],) * 2)
    return SwitchingMotion(
        step=_about(first, 0.25),
        speed=_about(values[1] * unit, values[2]),
        switch_probability=_about(values[3], 0.4),
        shared_direction=kind == "one way",
    )


def _about(middle: float, spread: float) -> tuple[float, float]:
    return middle * (1 - spread), middle * (1 + spread)


def _families() -> tuple[MotionFamily, ...]:
    alone = [MotionFamily((kind,), (4,)) for kind in BOUNDS]
    pairs = [
        ("brownian", "directed"),
        ("brownian", "confined"),
        ("brownian", "brownian"),
        ("directed", "confined"),
        ("switching", "brownian"),
        ("switching", "confined"),
    ]
    mixed = [MotionFamily(pair, (n, 4 - n)) for pair in pairs for n in (1, 2, 3) if not (pair[0] == pair[1] and n == 3)]
    return (*alone, *mixed)


# All that is tried: each motion model alone, and two of them with a share of a quarter, a half or three quarters.
FAMILIES = _families()


def simulated_steps(
    motions: tuple[Motion, ...], error: np.ndarray, n_runs: int, n_spots: int, rng: np.random.Generator
) -> Steps:
    """Steps of particles whose every spot is found, with a localisation error.

    Args:
        motions: Of equal shares of the particles.
        error: Standard deviation of the positions along every axis, in pixels, shape ``(d,)``.
        n_runs: Particles.
        n_spots: Spots of each.
        rng: Where the randomness comes from.
    """
    moved = []
    for motion in motions:
        n = max(n_runs // len(motions), 1)
        lifetimes = Lifetimes(np.zeros(n, np.int64), np.full(n_spots, n))
        place = motion.walk(lifetimes, len(error), rng).displacement.reshape(n_spots, n, len(error))
        place = place + error * rng.standard_normal(place.shape)
        moved.append(np.diff(place, axis=0).transpose(1, 0, 2).reshape(-1, len(error)))
    displacement = np.concatenate(moved)
    return Steps(displacement, np.repeat(np.arange(len(displacement) // (n_spots - 1)), n_spots - 1))
