from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from tracking.calibration.estimate import Estimate
from tracking.calibration.like_movie import LikeMovie
from tracking.calibration.look import Look, MovieStatistics, look_at
from tracking.calibration.simulated_spots import Stage, simulated_spots
from tracking.dpht.network import TrackNetwork
from tracking.gaps import fill_gaps
from tracking.linking import Linking, LinkingOptions, link
from tracking.metrics import score_tracks
from tracking.tracks import Tracks

MEASURES = ("alpha", "beta", "jsc", "jsc_theta")
# The baseline, with what it takes from the spots by itself.
BASELINE = "lap"


@dataclass(frozen=True)
class Expected:
    """What to expect of a measure on one more movie of a kind.

    Attributes:
        mean: Over simulated movies.
        half_width: Of the interval that holds the measure of one more such movie with 95 percent; its middle is the
            mean. It is wider than that of the mean itself, and holds how uncertain the estimate of the kind is too, as
            each of the movies was simulated from another draw of it.
        values: Of the simulated movies.
    """

    mean: float
    half_width: float
    values: tuple[float, ...]

    @classmethod
    def of(cls, values: list[float]) -> "Expected":
        """Of the values on some movies; with fewer than two the half width is NaN."""
        n = len(values)
        spread = float(np.std(values, ddof=1)) if n > 1 else float("nan")
        width = float(student.ppf(0.975, n - 1)) * spread * np.sqrt(1 + 1 / n) if n > 1 else float("nan")
        return cls(float(np.mean(values)), float(width), tuple(values))

    def to_dict(self) -> dict[str, float | int | list[float] | None]:
        """Ready for JSON."""
        width = self.half_width if np.isfinite(self.half_width) else None
        return {"mean": self.mean, "half_width": width, "n": len(self.values), "values": list(self.values)}


@dataclass(frozen=True, eq=False)
class ScoredMovie:
    """A simulated movie, what it looks like, and how well trackers do on it.

    Attributes:
        movie: With its truth.
        statistics: As the first of the networks sees it.
        measures: By tracker and by measure.
    """

    movie: LikeMovie
    statistics: MovieStatistics
    measures: dict[str, dict[str, float]]


def score_movies(
    stage: Stage,
    estimate: Estimate,
    networks: Mapping[str, TrackNetwork],
    seeds: list[int],
    *,
    min_length: int,
    progress: Callable[[int], None] | None = None,
) -> list[ScoredMovie]:
    """Simulate movies like the user's, each from another draw of the estimate, and score trackers on them.

    Linear assignment is scored too, under the name `BASELINE`.

    Args:
        stage: Of the simulated movies.
        estimate: Of the user's movie.
        networks: Trackers by name.
        seeds: One for each movie.
        min_length: Chains of fewer detections are no tracks.
        progress: Called with the number of movies done.

    Raises:
        TrackingError: A simulated movie has no spots that could be linked.
    """
    scored = []
    for seed in seeds:
        one = simulated_spots(stage, estimate.draw(np.random.default_rng([seed, 5])), seed)
        measures: dict[str, dict[str, float]] = {}
        looks: list[Look] = []
        for name, network in networks.items():
            looks.append(look_at(one.spots, network, stage.frame_shape, one.gain, stage.linking))
            measures[name] = _measures(one.movie.truth, one.spots, looks[-1].linked, min_length)
        options = LinkingOptions(method="lap", z_scale=stage.linking.z_scale)
        position = one.spots[list(one.movie.truth.axes)].to_numpy(np.float64)
        linked = link(one.spots["frame"].to_numpy(), position, options)
        measures[BASELINE] = _measures(one.movie.truth, one.spots, linked, min_length)
        scored.append(ScoredMovie(one.movie, looks[0].statistics, measures))
        if progress:
            progress(len(scored))
    return scored


def expected_measures(scored: list[ScoredMovie], tracker: str) -> dict[str, Expected]:
    """By measure, what to expect of a tracker."""
    return {name: Expected.of([one.measures[tracker][name] for one in scored]) for name in MEASURES}


def _measures(truth: Tracks, spots: pd.DataFrame, linked: Linking, min_length: int) -> dict[str, float]:
    length = np.bincount(linked.particle) if len(linked.particle) else np.zeros(0, np.int64)
    kept = length[linked.particle] >= min_length
    table = spots.loc[kept, ["frame", *truth.axes]].assign(particle=linked.particle[kept])
    score = score_tracks(truth, fill_gaps(Tracks.create(table), linked.gaps))
    return {name: float(getattr(score, name)) for name in MEASURES}
