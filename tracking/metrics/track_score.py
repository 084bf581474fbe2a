import math
from dataclasses import asdict, dataclass

import numpy as np

from tracking.best_matching import best_matching
from tracking.gaps import fill_gaps
from tracking.metrics.close_pairs import close_pairs
from tracking.tracks import Tracks

# Sums of distances are rounded: what differs by less than this share of the gate is equal. It also weighs what decides
# between equals, so little that alpha stays within 3e-9 of its optimum.
TIE = 1e-9


@dataclass(frozen=True)
class TrackScore:
    """Measures of the Particle Tracking Challenge and the counts behind them.

    Without a reference track no measure is defined and each is NaN; the counts stand all the same.

    Attributes:
        alpha: Share of the distance to having no track at all that the candidate closes, 0 to 1.
        beta: alpha, made less by the length of spurious tracks, 0 to alpha.
        jsc: Jaccard similarity of the points, ``tp / (tp + fn + fp)``.
        jsc_theta: Jaccard similarity of the tracks.
        rmse: Root mean square distance of the matched points in pixels; 0, as the challenge's program has
            it, where none matches.
        tp: Matched points.
        fn: Missed points: those of reference tracks, interpolated ones too, that nothing matches.
        fp: Spurious points.
        tp_tracks: Paired tracks.
        fn_tracks: Reference tracks without a partner.
        fp_tracks: Candidate tracks without a partner.
        n_reference: Reference tracks.
        n_candidate: Candidate tracks.
        n_reference_points: Points of the reference as they stand, without interpolated ones.
        n_candidate_points: Points of the candidate likewise.
        gate: The distance in pixels from which on nothing matches.
    """

    alpha: float
    beta: float
    jsc: float
    jsc_theta: float
    rmse: float
    tp: int
    fn: int
    fp: int
    tp_tracks: int
    fn_tracks: int
    fp_tracks: int
    n_reference: int
    n_candidate: int
    n_reference_points: int
    n_candidate_points: int
    gate: float

    @property
    def is_defined(self) -> bool:
        """Whether there is a reference track, so that the measures mean something."""
        return self.n_reference > 0

    def to_dict(self) -> dict[str, float | int | None]:
        """All fields by name, ready for JSON: what is undefined is None, ``rmse`` too where no point matches."""
        fields = asdict(self) if self.tp else asdict(self) | {"rmse": math.nan}
        return {name: None if math.isnan(value) else value for name, value in fields.items()}


def score_tracks(reference: Tracks, candidate: Tracks, gate: float = 5.0) -> TrackScore:
    """Score tracks as the Particle Tracking Challenge does.

    Reference and candidate tracks are paired one to one so that their total distance is the least over the whole
    movie. Where several pairings are equally good, the one is taken that matches the most points and pairs the longest
    candidates: the measures are then no matter of how the particles are numbered.

    Points are scored as they would be from the challenge's XML. So those marked ``virtual`` in a table count as
    detections, and only in frames where a particle has no point at all is one interpolated: such a point of the
    reference can be matched, one of the candidate never can. Tracks with gaps therefore score below 1 against
    themselves. Particles stand for themselves, whatever their parents. Positions without z have z = 0.

    Args:
        reference: The true tracks.
        candidate: The tracks to score.
        gate: Points match if they are nearer than this, in pixels.

    Returns:
        The score.

    Raises:
        TrackingError: The gate is not a positive number up to 1e9.

    Source: Chenouard et al. 2014, Nature Methods 11, 281; agrees with the challenge's own evaluation program.
    """
    true, found = _Spans(fill_gaps(reference)), _Spans(candidate)
    i, j, distance = close_pairs(true.tracks.spots, found.tracks.spots, gate)
    key, pair = np.unique(true.of_point[i] * found.n + found.of_point[j], return_inverse=True)
    r, c = np.divmod(key, max(found.n, 1))
    matched = np.bincount(pair, minlength=len(key))
    overlap = np.minimum(true.last[r], found.last[c]) - np.maximum(true.first[r], found.first[c]) + 1
    outside = found.length[c] - overlap
    # How much nearer, in gates, the candidate is to the reference track than the dummy is: (D(r, dummy) - D(r, c)) /
    # gate. A frame of the reference that is not matched costs one gate with either, and drops out.
    gain = matched - outside - np.bincount(pair, distance, len(key)) / gate
    useful = np.flatnonzero(gain > TIE)
    worth = gain + TIE * (matched + found.length[c])
    chosen = useful[best_matching(r[useful], c[useful], worth[useful])]

    partner = np.full(found.n, -1)
    partner[c[chosen]] = r[chosen]
    of_point = partner[found.of_point]
    is_paired = of_point >= 0
    frame, of_paired = found.tracks.spots["frame"].to_numpy()[is_paired], of_point[is_paired]
    is_within = (frame >= true.first[of_paired]) & (frame <= true.last[of_paired])
    tp = int(matched[chosen].sum())
    # The challenge's program takes every frame of a partner outside the reference's span, interpolated or not.
    spurious = int(is_within.sum()) - tp + int(outside[chosen].sum()) + int((~is_paired).sum())

    total = int(true.length.sum())
    unpaired = int(found.length.sum() - found.length[c[chosen]].sum())
    alpha = float(gain[chosen].sum()) / total if total else math.nan
    squares = float(np.bincount(pair, distance**2, len(key))[chosen].sum())
    n_pairs = len(chosen)
    return TrackScore(
        alpha=alpha,
        beta=alpha * (total / (total + unpaired)) if total else math.nan,
        jsc=tp / (total + spurious) if total else math.nan,
        jsc_theta=n_pairs / (true.n + found.n - n_pairs) if total else math.nan,
        rmse=(math.sqrt(squares / tp) if tp else 0.0) if total else math.nan,
        tp=tp,
        fn=total - tp,
        fp=spurious,
        tp_tracks=n_pairs,
        fn_tracks=true.n - n_pairs,
        fp_tracks=found.n - n_pairs,
        n_reference=true.n,
        n_candidate=found.n,
        n_reference_points=len(reference.spots),
        n_candidate_points=len(candidate.spots),
        gate=float(gate),
    )


class _Spans:
    """The particles of tracks, numbered from 0: the number of every point's, and their first and last frames."""

    def __init__(self, tracks: Tracks) -> None:
        self.tracks = tracks
        particles, of_point = np.unique(tracks.spots["particle"].to_numpy(), return_inverse=True)
        self.of_point = of_point.astype(np.int64)
        self.n = len(particles)
        spans = tracks.spots.groupby("particle")["frame"].agg(["min", "max"])
        self.first, self.last = spans["min"].to_numpy(np.int64), spans["max"].to_numpy(np.int64)
        self.length = self.last - self.first + 1
