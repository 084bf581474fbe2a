"""Means over seeds with their 95 percent intervals."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from scipy.stats import t

Record = dict[str, Any]


@dataclass(frozen=True)
class Interval:
    """A mean, and by how much it may be off: half of its 95 percent interval; None of a single value."""

    mean: float
    half: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """From independent values, by Student's t distribution."""
        n = len(values)
        half = float(t.ppf(0.975, n - 1)) * statistics.stdev(values) / n**0.5 if n > 1 else None
        return cls(statistics.mean(values), half)

    def __str__(self) -> str:
        return short(self.mean) + ("" if self.half is None else f" ± {short(self.half)}")

    @property
    def signed(self) -> str:
        """With its sign, as a difference."""
        return ("+" if self.mean >= 0 else "-") + str(Interval(abs(self.mean), self.half))


def short(value: float) -> str:
    """Three decimals without the leading zero."""
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.3f}"


def of_cell(records: Sequence[Record], cell: str, method: str) -> list[Record]:
    """The records of a tracker on the movies of a cell."""
    return [record for record in records if record["cell"] == cell and record["method"] == method]


def scores(records: Sequence[Record], name: str) -> dict[int, float] | None:
    """A measure by seed; None where there is nothing, or a seed failed."""
    if not records or any(record["failure"] for record in records):
        return None
    return {record["seed"]: float(record["scores"][name]) for record in records}


def difference(ours: dict[int, float], theirs: dict[int, float]) -> Interval | None:
    """Of the same movies' values, seed by seed; None without a common seed."""
    seeds = sorted(set(ours) & set(theirs))
    return Interval.of([ours[seed] - theirs[seed] for seed in seeds]) if seeds else None


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
