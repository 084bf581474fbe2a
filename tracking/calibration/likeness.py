from dataclasses import dataclass

import numpy as np

from tracking.calibration.look import MovieStatistics

# What is shown of a movie and of those simulated like it: name, what a person calls it, and how far the two may differ.
SHOWN: tuple[tuple[str, str, float], ...] = (
    ("spots_per_pixel", "spots per 100 x 100 px", 0.15),
    ("nearest", "nearest neighbour (px)", 0.15),
    ("snr", "SNR of a spot", 0.15),
    ("signal", "signal of a spot", 0.15),
    ("background", "background", 0.15),
    ("noise", "noise", 0.15),
    ("size", "spot sigma (px)", 0.1),
    ("scale", "displacement, RMS (px)", 0.15),
    ("directed", "persistence of steps", 0.15),
    ("missed", "missed in tracks", 0.05),
    ("loose", "spots in no track", 0.07),
    ("ended", "track ends per spot", 0.04),
)
# Of these the difference itself counts, of the others its share.
_ABSOLUTE = ("directed", "missed", "loose", "ended")


@dataclass(frozen=True)
class Likeness:
    """One statistic of a movie and of movies simulated like it.

    Attributes:
        name: In `MovieStatistics`.
        title: For people.
        movie: Of the movie.
        simulated: Mean over the simulated movies.
        spread: Standard deviation from one of them to the next.
        agrees: Whether the two differ by no more than they may, or than simulated movies differ among themselves.
    """

    name: str
    title: str
    movie: float
    simulated: float
    spread: float
    agrees: bool


def likeness(movie: MovieStatistics, simulated: list[MovieStatistics]) -> list[Likeness]:
    """Compare a movie with movies simulated like it; what cannot be told of either is left out."""
    rows = []
    for name, title, tolerance in SHOWN:
        factor = 1e4 if name == "spots_per_pixel" else 1.0
        own = factor * float(getattr(movie, name))
        values = factor * np.array([getattr(one, name) for one in simulated])
        if not np.isfinite(own) or not np.isfinite(values).all():
            continue
        spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
        allowed = tolerance if name in _ABSOLUTE else tolerance * abs(own)
        off = abs(float(values.mean()) - own)
        rows.append(Likeness(name, title, own, float(values.mean()), spread, bool(off <= max(allowed, 2.5 * spread))))
    return rows
