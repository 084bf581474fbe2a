from dataclasses import dataclass
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt

from medseg.metrics.validation import Mask

BINS = 15
SUM_TOLERANCE = 1e-2  # a softmax in half precision adds up to 1 no better than this
SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Reliability:
    """How far the probabilities of many voxels can be believed: sums, so that cases are added one by one.

    ``sum(reliabilities, Reliability())`` is that of all voxels together. Voxels of a case are alike, so an interval
    needs the values of the single cases; they are no independent sample.

    Attributes:
        counts: voxels by confidence, which is the probability of the most probable class, in 15 equal bins from 0 to
            1, each without its lower edge.
        confidence_sums: sum of the confidence in each bin.
        correct: voxels of each bin whose most probable class is the right one.
        squared_error_sum: sum over voxels and classes of the squared error of the probability.
        log_loss_sum: sum over voxels of minus the logarithm of the right class's probability.
    """

    counts: tuple[int, ...] = (0,) * BINS
    confidence_sums: tuple[float, ...] = (0.0,) * BINS
    correct: tuple[int, ...] = (0,) * BINS
    squared_error_sum: float = 0.0
    log_loss_sum: float = 0.0

    def __add__(self, other: "Reliability") -> "Reliability":
        return Reliability(
            counts=tuple(map(add, self.counts, other.counts)),
            confidence_sums=tuple(map(add, self.confidence_sums, other.confidence_sums)),
            correct=tuple(map(add, self.correct, other.correct)),
            squared_error_sum=self.squared_error_sum + other.squared_error_sum,
            log_loss_sum=self.log_loss_sum + other.log_loss_sum,
        )

    @property
    def n(self) -> int:
        """Voxels."""
        return sum(self.counts)

    @property
    def ece(self) -> float | None:
        """Expected calibration error: the mean over voxels of their bin's abs(accuracy - mean confidence).

        None without a voxel. Source: Guo et al. 2017, arXiv:1706.04599.
        """
        gaps = (abs(right - confidence) for right, confidence in zip(self.correct, self.confidence_sums, strict=True))
        return sum(gaps) / self.n if self.n else None

    @property
    def brier(self) -> float | None:
        """Brier score: mean over voxels of the squared error summed over all classes, from 0 to 2.

        Of two classes this is twice what ``brier_score_loss`` of scikit-learn returns. None without a voxel. Source:
        Brier 1950, Monthly Weather Review 78(1), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
        """
        return self.squared_error_sum / self.n if self.n else None

    @property
    def nll(self) -> float | None:
        """Negative log-likelihood: mean over voxels, in nats. None without a voxel.

        Probabilities below 1.2e-7, the precision of float32, count as that: one voxel of probability 0 would otherwise
        make it infinite.
        """
        return self.log_loss_sum / self.n if self.n else None

    def to_dict(self) -> dict[str, Any]:
        """The measures and, for a reliability diagram, the bins, ready for JSON; what is undefined is None."""
        bins = [
            {"n": n, "confidence": confidence / n if n else None, "accuracy": right / n if n else None}
            for n, confidence, right in zip(self.counts, self.confidence_sums, self.correct, strict=True)
        ]
        return {"n": self.n, "ece": self.ece, "brier": self.brier, "nll": self.nll, "bins": bins}


def reliability(
    probabilities: npt.NDArray[np.floating], labels: npt.NDArray[np.integer], mask: Mask | None = None
) -> Reliability:
    """Compare probabilities of classes that exclude each other with the truth.

    Args:
        probabilities: shape ``(C, ...)``, adding up to 1 over the classes; or ``(1, ...)``, the probability of class 1
            against class 0, as from a sigmoid.
        labels: the true classes, 0 to C - 1 (0 or 1 for a single channel), shape ``(...)``.
        mask: boolean, shape ``(...)``; voxels outside are left out.

    Raises:
        ValueError: the shapes differ, a label is no class, or the probabilities are none (logits, for example).
    """
    columns, truth = _selected(probabilities, labels, mask)
    if truth.size == 0:
        return Reliability()
    confidence = columns.max(axis=0)
    bins = np.clip(np.ceil(confidence.astype(np.float64) * BINS).astype(np.intp) - 1, 0, BINS - 1)
    right = columns.argmax(axis=0) == truth
    of_truth = np.take_along_axis(columns, truth[np.newaxis].astype(np.intp), axis=0)[0].astype(np.float64)
    return Reliability(
        counts=tuple(np.bincount(bins, minlength=BINS).tolist()),
        confidence_sums=tuple(np.bincount(bins, weights=confidence, minlength=BINS).tolist()),
        correct=tuple(np.bincount(bins[right], minlength=BINS).tolist()),
        squared_error_sum=sum(
            float(np.square(np.subtract(column, truth == value, dtype=np.float64)).sum())
            for value, column in enumerate(columns)
        ),
        log_loss_sum=float(-np.log(np.maximum(of_truth, SMALLEST_PROBABILITY)).sum()),
    )


@dataclass(frozen=True)
class CalibrationScore:
    """Reliability of one case, or by addition of many.

    Attributes:
        all: over all voxels. Most are background that no model doubts, so it is close to 0 for good and bad models.
        foreground: over the voxels that the prediction or the reference does not call background. It tells models
            apart, but a perfectly calibrated one does not reach an ECE of 0 here: where it says background in this
            region it is always wrong, for where it is right the voxel is left out.
    """

    all: Reliability = Reliability()
    foreground: Reliability = Reliability()

    def __add__(self, other: "CalibrationScore") -> "CalibrationScore":
        return CalibrationScore(self.all + other.all, self.foreground + other.foreground)


def score_calibration(probabilities: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> CalibrationScore:
    """Reliability of a case's probabilities, over all voxels and over the foreground; background is class 0.

    Arguments and errors are those of ``reliability``.
    """
    everywhere = reliability(probabilities, labels)
    predicted = probabilities[0] > 0.5 if len(probabilities) == 1 else probabilities.argmax(axis=0) > 0
    return CalibrationScore(everywhere, reliability(probabilities, labels, predicted | (labels > 0)))


def _selected(
    probabilities: npt.NDArray[np.floating], labels: npt.NDArray[np.integer], mask: Mask | None
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.integer]]:
    """Probabilities ``(C, n)`` with at least two classes, and labels ``(n,)``, of the voxels in the mask."""
    if probabilities.ndim < 2 or probabilities.shape[1:] != labels.shape or len(probabilities) == 0:
        raise ValueError(
            "`probabilities` must have the shape of `labels` behind its axis of classes, "
            f"got {probabilities.shape} and {labels.shape}"
        )
    if mask is not None and (mask.dtype != np.bool_ or mask.shape != labels.shape):
        raise ValueError(f"`mask` must be boolean of shape {labels.shape}, got {mask.dtype} of shape {mask.shape}")
    columns = probabilities.reshape(len(probabilities), -1) if mask is None else probabilities[:, mask]
    truth = labels.ravel() if mask is None else labels[mask]
    if len(columns) == 1:
        columns = np.concatenate((1 - columns, columns))
    if truth.size == 0:
        return columns, truth
    if not np.issubdtype(truth.dtype, np.integer) or truth.min() < 0 or truth.max() >= len(columns):
        raise ValueError(
            f"`labels` must be integers from 0 to {len(columns) - 1}, "
            f"got {truth.dtype} from {truth.min()} to {truth.max()}"
        )
    sums = columns.sum(axis=0, dtype=np.float64)
    # Written so that a NaN fails too.
    if not (columns.min() >= 0 and np.abs(sums - 1).max() <= SUM_TOLERANCE):
        raise ValueError(
            "`probabilities` must be at least 0 and add up to 1 over the classes, "
            f"got values from {columns.min()} and sums from {sums.min()} to {sums.max()}"
        )
    return columns, truth
