"""Choice of a tracker's options on a movie of its own, by coordinate search."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Options = dict[str, Any]
RADII = (3, 4, 5, 6, 8, 10, 12, 15)
# The radius no longer grows after this many values in a row that link no better.
PATIENCE = 2

# btrack with and without a velocity is two trackers, of which other settings are the best.
BTRACK = {"prob_not_assign": 1e-3, "memory": 1, "optimise": False}


@dataclass(frozen=True)
class Space:
    """Options of a tracker.

    Attributes:
        starts: Where a search begins, each with a search of its own.
        axes: Values of each option, tried one option after the other while the rest stays; the radius comes first,
            and its neighbours are tried again in the end.
        n_frames: Frames of the tuning movie; None for as many as all have.
    """

    starts: tuple[Options, ...]
    axes: Mapping[str, tuple[Any, ...]]
    n_frames: int | None = None


SPACES: dict[str, Space] = {
    "trackpy": Space(({"memory": 0},), {"radius": RADII, "memory": (0, 1, 2)}),
    "trackpy-adaptive": Space(
        ({"memory": 0, "stop": 0.1, "step": 0.95},),
        {"radius": RADII, "memory": (0, 1, 2), "stop": (0.1, 0.5), "step": (0.95, 0.8)},
    ),
    "trackpy-velocity": Space(({"memory": 0, "span": 1},), {"radius": RADII, "memory": (0, 1, 2), "span": (1, 2)}),
    "laptrack": Space(
        ({"memory": 0, "gap_share": 1.0, "percentile": 90},),
        {"radius": RADII, "memory": (0, 1, 2), "gap_share": (1.0, 1.5), "percentile": (90, 50, 100)},
        n_frames=20,
    ),
    "btrack": Space(
        (
            {"velocity": True, "process": 1.0, "measurement": 2.0, "start": 20.0, "accuracy": 2.0, **BTRACK},
            {"velocity": False, "process": 0.5, "measurement": 16.0, "start": 2.0, "accuracy": 3.0, **BTRACK},
        ),
        {
            "radius": RADII,
            "measurement": (0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
            "process": (0.25, 0.5, 1.0, 4.0),
            "start": (2.0, 5.0, 10.0, 20.0, 40.0),
            "accuracy": (1.0, 2.0, 3.0, 5.0),
            "prob_not_assign": (1e-4, 1e-3, 1e-2),
            # With 0 it ends every track at once.
            "memory": (1, 2, 4),
            "optimise": (False, True),
        },
    ),
    "nearest": Space(({"method": "nearest", "max_gap": 0},), {"search_radius": RADII, "max_gap": (0, 1, 2)}),
    "lap-tuned": Space(
        ({"method": "lap", "max_gap": 0, "gap_share": 1.0},),
        {"search_radius": RADII, "max_gap": (0, 1, 2), "gap_share": (1.0, 1.5)},
    ),
}


def tune(space: Space, evaluate: Callable[[Options], float | None]) -> list[tuple[float, Options]]:
    """All settings that worked, best first, with their alpha. ``evaluate`` gives alpha, or None where it fails."""
    radius = next(iter(space.axes))
    tried: dict[str, float | None] = {}

    def value(options: Options) -> float:
        key = json.dumps(options, sort_keys=True)
        if key not in tried:
            tried[key] = evaluate(options)
        alpha = tried[key]
        return -1.0 if alpha is None else alpha

    for start in space.starts:
        best = {radius: space.axes[radius][0], **start}
        worse = 0
        for one in space.axes[radius]:
            other = {**best, radius: one}
            worse = 0 if other == best or value(other) > value(best) else worse + 1
            best = max(best, other, key=value)
            if worse == PATIENCE:
                break
        for name in list(space.axes)[1:]:
            for one in space.axes[name]:
                best = max(best, {**best, name: one}, key=value)
        place = space.axes[radius].index(best[radius])
        for one in space.axes[radius][max(place - 1, 0) : place + 2]:
            best = max(best, {**best, radius: one}, key=value)
    worked = [(alpha, json.loads(key)) for key, alpha in tried.items() if alpha is not None]
    return sorted(worked, key=lambda pair: -pair[0])
