import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tracking.errors import TrackingError

# The Particle Tracking Challenge's: `VESICLE snr 7 density mid t000 z0.tif`.
_CHALLENGE = re.compile(r"(?P<movie>.*)[ _-]t(?P<t>\d+)[ _-]z(?P<z>\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class FrameFiles:
    """The files of a movie in the order of time and then of z.

    Attributes:
        files: One file per frame, or per frame and slice.
        n_slices: Slices of a frame if every slice is a file; None if a file is a frame.
    """

    files: tuple[Path, ...]
    n_slices: int | None

    @property
    def grid(self) -> tuple[int, ...]:
        """``(T,)`` or ``(T, Z)``."""
        return (len(self.files),) if self.n_slices is None else (len(self.files) // self.n_slices, self.n_slices)


def order_frames(folder: Path, files: Sequence[Path]) -> FrameFiles:
    """Put files in order by their names: by the numbers ``t`` and ``z`` in them, else as people count (2 before 10).

    Raises:
        TrackingError: A time point or slice is missing or there twice, or the names are of several movies.
    """
    found = {file: _CHALLENGE.fullmatch(file.stem) for file in files}
    if not any(found.values()):
        return FrameFiles(_naturally_sorted(folder, files), None)
    by_place: dict[tuple[int, int], Path] = {}
    movie = ""
    for file, match in found.items():
        if match is None:
            raise TrackingError(
                f"`{folder}` must hold frames named alike, with t and z such as `... t000 z0.tif`, but also holds"
                f" `{file.name}`"
            )
        if by_place and match["movie"] != movie:
            raise TrackingError(
                f"`{folder}` holds frames of two movies, {movie!r} and {match['movie']!r}: give each its folder"
            )
        movie = match["movie"]
        place = int(match["t"]), int(match["z"])
        if place in by_place:
            raise TrackingError(
                f"`{folder}` holds frame t{place[0]} z{place[1]} twice: `{by_place[place].name}` and `{file.name}`"
            )
        by_place[place] = file
    n_frames, n_slices = (max(place[axis] for place in by_place) + 1 for axis in (0, 1))
    if n_frames * n_slices != len(by_place):
        missing = next((t, z) for t in range(n_frames) for z in range(n_slices) if (t, z) not in by_place)
        raise TrackingError(
            f"`{folder}` must hold t0 to t{n_frames - 1} with z0 to z{n_slices - 1} each, but t{missing[0]}"
            f" z{missing[1]} is missing"
        )
    return FrameFiles(tuple(by_place[place] for place in sorted(by_place)), n_slices)


def _naturally_sorted(folder: Path, files: Sequence[Path]) -> tuple[Path, ...]:
    ordered = sorted(files, key=lambda file: (_natural(file), file.name))
    for one, other in itertools.pairwise(ordered):
        if _natural(one) == _natural(other):
            raise TrackingError(f"`{folder}` holds a frame twice: `{one.name}` and `{other.name}`")
    return tuple(ordered)


def _natural(file: Path) -> tuple[tuple[str, int], ...]:
    parts = re.findall(r"(\D*)(\d*)", file.stem.lower())
    return tuple((text, int(number or -1)) for text, number in parts)
