from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tracking.calibration.estimate import Estimate
from tracking.calibration.expected_measures import Expected
from tracking.calibration.fine_tune import FineTuning
from tracking.calibration.like_movie import LikeMovie
from tracking.calibration.likeness import Likeness
from tracking.calibration.options import CalibrationOptions
from tracking.dpht.network import TrackNetwork

_FORMAT = 1
# How trackers are called in sentences.
TITLES = {"shipped": "before fine-tuning", "tuned": "after fine-tuning", "lap": "linear assignment"}


@dataclass(frozen=True, eq=False)
class Calibration:
    """A tracker calibrated to a movie, and what to expect of it.

    Attributes:
        network: To track the movie with: fine-tuned if that gained something, else as it was.
        is_tuned: Whether it was.
        gain: By how much fine-tuning raises alpha on simulated movies held out for that question, and the standard
            error of that; None where there was no fine-tuning.
        expected: By tracker (``shipped``, ``tuned`` where there was fine-tuning, ``lap``) and measure.
        estimate: What the movie is like.
        likeness: Statistics of the movie and of those simulated like it.
        tuning: How the fine-tuning went; None where there was none.
        example: One of the simulated movies.
        doubts: What could not be told, a sentence each.
        options: What was asked for.
    """

    network: TrackNetwork
    is_tuned: bool
    gain: tuple[float, float] | None
    expected: dict[str, dict[str, Expected]]
    estimate: Estimate
    likeness: list[Likeness]
    tuning: FineTuning | None
    example: LikeMovie
    doubts: tuple[str, ...]
    options: CalibrationOptions

    @property
    def chosen(self) -> str:
        """Which of the trackers is used, by its name in `expected`."""
        return "tuned" if self.is_tuned else "shipped"

    def sentences(self) -> list[str]:
        """What a person should read of it first."""
        own, n = self.expected[self.chosen], self.options.n_movies
        parts = [f"{name.replace('_', ' ')} {_interval(own[name])}" for name in ("alpha", "beta", "jsc_theta")]
        said = [f"on movies like yours: {', '.join(parts)} (± holds 95 percent of such movies; n = {n} simulated)"]
        others = [f"{TITLES[name]} alpha {_interval(one['alpha'])}" for name, one in self.expected.items()]
        said.append("on the same movies: " + ", ".join(others))
        said.append(self._of_tuning())
        return said

    def _of_tuning(self) -> str:
        if self.gain is None:
            return "no fine-tuning: the weights are as they were"
        gained = f"{self.gain[0]:+.3f} ± {self.gain[1]:.3f} alpha on other simulated movies"
        if self.is_tuned:
            return f"fine-tuning gains {gained}: the new weights are used"
        return f"fine-tuning gains nothing to speak of ({gained}): the weights are as they were"

    def to_dict(self) -> dict[str, Any]:
        """Everything that was estimated, ready for JSON."""
        estimate, tuning = self.estimate, self.tuning
        return {
            "format": _FORMAT,
            "options": self.options.model_dump(mode="json"),
            "sentences": self.sentences(),
            "doubts": list(self.doubts),
            "expected": {
                name: {measure: one.to_dict() for measure, one in measures.items()}
                for name, measures in self.expected.items()
            },
            "is_tuned": self.is_tuned,
            "gain": None if self.gain is None else {"alpha": self.gain[0], "standard_error": self.gain[1]},
            "model": estimate.model.model_dump(mode="json"),
            "relative_error": estimate.relative_error,
            "motion": {
                "families": estimate.motion.shares(),
                "loss": float(estimate.motion.loss[0]),
                "n_features": estimate.motion.n_features,
            },
            "detection": {
                "detected": estimate.found.detected,
                "false_per_particle": estimate.found.false,
                "error_px": estimate.found.error.tolist(),
                "resolution_px": estimate.found.resolution,
            },
            "likeness": [asdict(one) for one in self.likeness],
            "tuning": None
            if tuning is None
            else {
                "steps": tuning.n_steps,
                "planned": tuning.n_planned,
                "loss_before": tuning.loss_before,
                "loss_after": tuning.loss_after,
                "ended_by_clock": tuning.ended_by_clock,
            },
        }

    def metrics(self) -> dict[str, float]:
        """Numbers for a run's record."""
        found = {
            f"calibration.{name}.{measure}": one.mean
            for name, measures in self.expected.items()
            for measure, one in measures.items()
        }
        width = self.expected[self.chosen]["alpha"].half_width
        if np.isfinite(width):
            found["calibration.alpha_half_width"] = width
        if self.gain is not None:
            found["calibration.gain"] = self.gain[0]
        return found


def _interval(one: Expected) -> str:
    return f"{one.mean:.3f} ± {one.half_width:.3f}"
