import math
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from tracking.best_matching import best_matching
from tracking.errors import TrackingError
from tracking.metrics.close_pairs import close_pairs
from tracking.tracks import LARGEST_COORDINATE


@dataclass(frozen=True)
class DetectionScore:
    """Measures of detections, and the counts behind them.

    Without a reference point no measure is defined and each is NaN; the counts stand all the same. Without a
    candidate all are 0, so that finding nothing never improves an average.

    Attributes:
        precision: Share of the candidate's points that match.
        recall: Share of the reference's points that match.
        f1: Harmonic mean of the two, ``2 tp / (2 tp + fn + fp)``.
        jsc: Jaccard similarity, ``tp / (tp + fn + fp)``.
        rmse: Root mean square distance of the matched points in pixels, NaN where none matches.
        tp: Matched points.
        fn: Reference points that nothing matches.
        fp: Candidate points that nothing matches.
        n_reference: Reference points.
        n_candidate: Candidate points.
        gate: The distance in pixels from which on nothing matches.
    """

    precision: float
    recall: float
    f1: float
    jsc: float
    rmse: float
    tp: int
    fn: int
    fp: int
    n_reference: int
    n_candidate: int
    gate: float

    @property
    def is_defined(self) -> bool:
        """Whether there is a reference point, so that the measures mean something."""
        return self.n_reference > 0

    def to_dict(self) -> dict[str, float | int | None]:
        """All fields by name, ready for JSON: what is undefined is None."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}


def score_detections(reference: pd.DataFrame, candidate: pd.DataFrame, gate: float = 5.0) -> DetectionScore:
    """Score detections, frame by frame, by matching them one to one with the true points.

    In every frame as many points are matched as can be, and among those matchings the nearest is taken, so that recall
    and precision say what any linker could reach: a point is never left over to make the others' distances shorter.

    Args:
        reference: The true points with the columns ``frame``, ``x``, ``y`` and, in three dimensions, ``z``; a missing
            z is 0. Other columns do not matter, nor does the order of the rows.
        candidate: The detections likewise. Every row counts, whatever it is marked as.
        gate: Points match if they are nearer than this, in pixels.

    Returns:
        The score.

    Raises:
        TrackingError: A column is missing or a value is no finite number or a position beyond 1e9, or the gate is
            not positive or beyond 1e9.
    """
    for name, points in (("reference", reference), ("candidate", candidate)):
        _require_points(name, points)
    i, j, distance = close_pairs(reference, candidate, gate)
    # One match more outweighs any sum of distances: a frame has no more matches than pairs.
    _, frame = np.unique(reference["frame"].to_numpy()[i], return_inverse=True)
    raised = np.bincount(frame)[frame] + 1
    chosen = best_matching(i, j, raised - distance / gate)
    tp = len(chosen)
    fn, fp = len(reference) - tp, len(candidate) - tp
    is_defined = len(reference) > 0
    return DetectionScore(
        precision=tp / max(len(candidate), 1) if is_defined else math.nan,
        recall=tp / len(reference) if is_defined else math.nan,
        f1=2 * tp / (2 * tp + fn + fp) if is_defined else math.nan,
        jsc=tp / (tp + fn + fp) if is_defined else math.nan,
        rmse=math.sqrt(float((distance[chosen] ** 2).mean())) if tp else math.nan,
        tp=tp,
        fn=fn,
        fp=fp,
        n_reference=len(reference),
        n_candidate=len(candidate),
        gate=float(gate),
    )


def _require_points(name: str, points: pd.DataFrame) -> None:
    missing = [column for column in ("frame", "x", "y") if column not in points]
    if missing:
        raise TrackingError(f"the {name} points need the columns frame, x and y, but {', '.join(missing)} is missing")
    for column in ("frame", *(axis for axis in ("x", "y", "z") if axis in points)):
        try:
            is_finite = np.isfinite(points[column].to_numpy(np.float64))
        except (TypeError, ValueError) as error:
            raise TrackingError(f"column {column} of the {name} points must hold numbers ({error})") from error
        if not is_finite.all():
            row = int(np.argmin(is_finite))
            raise TrackingError(f"column {column} of the {name} points must be finite, but row {row} is not")
        if column != "frame" and (is_far := points[column].abs().to_numpy() > LARGEST_COORDINATE).any():
            raise TrackingError(
                f"column {column} of the {name} points must be within {LARGEST_COORDINATE:g} of 0, but row "
                f"{int(np.argmax(is_far))} is not"
            )
