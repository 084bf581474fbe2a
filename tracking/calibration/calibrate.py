from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from tracking.calibration.calibration import Calibration
from tracking.calibration.estimate import Estimate, estimate_movie
from tracking.calibration.expected_measures import BASELINE, ScoredMovie, expected_measures, score_movies
from tracking.calibration.fine_tune import FineTuning, fine_tune
from tracking.calibration.likeness import Likeness, likeness
from tracking.calibration.look import Look, look_at
from tracking.calibration.options import CalibrationOptions
from tracking.calibration.simulated_spots import Stage
from tracking.detection import Detector
from tracking.dpht.network import TrackNetwork
from tracking.errors import TrackingError
from tracking.linking import LinkingOptions

Progress = Callable[[str, int, int], None]

# Less tells nothing of how particles move.
FEW_SPOTS, FEW_FRAMES, FEW_STEPS = 150, 6, 100
# Movies on which it is decided whether fine-tuning gained anything.
N_DECIDING = 4
# Size of simulated movies: spots and frames at most, of the rounds and of the measures, and the least side in pixels.
ROUND_SPOTS, ROUND_FRAMES = 3000, 40
SCORED_SPOTS, SCORED_FRAMES, SCORED_PIXELS = 8000, 100, 10_000_000
LEAST_SIDE = 128
# Displacements above this many times the distance between neighbours leave links to guesses.
FAR = 0.5


def calibrate(
    spots: pd.DataFrame,
    detector: Detector,
    network: TrackNetwork,
    linking: LinkingOptions,
    *,
    n_frames: int,
    dtype: np.dtype,
    options: CalibrationOptions | None = None,
    min_length: int = 2,
    progress: Progress | None = None,
) -> Calibration:
    """Calibrate the recurrent tracker to a movie of which nobody has annotated anything.

    The movie's spots, noise and motion are estimated, movies like it are simulated and tracked, the network is trained
    on more of the kind, and what to expect of it is measured on simulated movies held out from all of this.

    Args:
        spots: Detections in successive frames, with the columns of `Detector.detect` and ``frame``: see `sample_spots`.
        detector: That found them.
        network: Of the recurrent tracker.
        linking: With the method recurrent; ``z_scale`` is the number of pixels per slice.
        n_frames: Frames of the movie.
        dtype: Type of its pixels.
        options: How long to train, on how many movies to measure, and the seed: the same one gives the same result.
        min_length: Chains of fewer detections are no tracks.
        progress: Called with what is done, the number of steps done and of all.

    Raises:
        TrackingError: The movie holds too few spots or frames to tell how particles move, or nothing moves.
    """
    options = options or CalibrationOptions()
    say = progress or (lambda what, done, of: None)
    settings = detector.settings
    gain = float(str(settings["noise_gain"]))
    _require_spots(spots)
    look = look_at(spots, network, detector.frame_shape, gain, linking)
    _require_motion(look)
    spots = spots.reset_index(drop=True)
    n_seen = int(spots["frame"].max() - spots["frame"].min()) + 1
    stage = Stage(
        frame_shape=_cropped(detector.frame_shape, look, ROUND_SPOTS / min(n_seen, ROUND_FRAMES)),
        n_frames=min(n_seen, ROUND_FRAMES),
        dtype=np.dtype(dtype),
        detector=detector,
        linking=linking,
    )
    estimate = estimate_movie(
        look,
        gain,
        stage,
        network,
        n_frames=n_seen,
        rounds=options.rounds,
        seed=options.seed,
        progress=lambda done, of: say("estimating", done, of),
    )
    long = min(n_frames, SCORED_FRAMES)
    scored_stage = replace(
        stage,
        frame_shape=_cropped(detector.frame_shape, look, SCORED_SPOTS / long, SCORED_PIXELS / long),
        n_frames=long,
    )
    tuning, deciding = None, None
    if options.minutes > 0:
        tuning = fine_tune(
            network,
            estimate,
            len(detector.frame_shape),
            minutes=options.minutes,
            seed=options.seed,
            progress=lambda done, of: say("fine-tuning", done, of),
        )
        seeds = _seeds(options, N_DECIDING, 500_000)
        deciding = _scored("comparing", scored_stage, estimate, network, tuning, seeds, min_length, say)
    is_tuned, gained = _decide(deciding)
    seeds = _seeds(options, options.n_movies, 900_000)
    scored = _scored("measuring", scored_stage, estimate, network, tuning, seeds, min_length, say)
    alike = likeness(look.statistics, [one.statistics for one in scored])
    trackers = ["shipped", *(["tuned"] if tuning else []), BASELINE]
    return Calibration(
        network=tuning.network if tuning and is_tuned else network,
        is_tuned=is_tuned,
        gain=gained,
        expected={name: expected_measures(scored, name) for name in trackers},
        estimate=estimate,
        likeness=alike,
        tuning=tuning,
        example=scored[0].movie,
        doubts=tuple(_doubts(look, gain, estimate, alike, tuning)),
        options=options,
    )


def _seeds(options: CalibrationOptions, n: int, first: int) -> list[int]:
    return [first + 1_000_003 * options.seed + number for number in range(n)]


def _scored(
    what: str,
    stage: Stage,
    estimate: Estimate,
    network: TrackNetwork,
    tuning: FineTuning | None,
    seeds: list[int],
    min_length: int,
    say: Progress,
) -> list[ScoredMovie]:
    networks = {"shipped": network} | ({"tuned": tuning.network} if tuning else {})
    return score_movies(
        stage,
        estimate,
        networks,
        seeds,
        min_length=min_length,
        progress=lambda done: say(what, done, len(seeds)),
    )


def _decide(scored: list[ScoredMovie] | None) -> tuple[bool, tuple[float, float] | None]:
    """Whether fine-tuning raised alpha by more than chance does, by how much, and the standard error of that."""
    if scored is None:
        return False, None
    gains = np.array([one.measures["tuned"]["alpha"] - one.measures["shipped"]["alpha"] for one in scored])
    gain, error = float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains)))
    return gain > error, (gain, error)


def _cropped(
    shape: tuple[int, ...], look: Look, spots_per_frame: float, pixels_per_frame: float = np.inf
) -> tuple[int, ...]:
    """A part of a frame with no more than so many spots and pixels; all slices of a stack are kept."""
    depth = shape[0] if len(shape) == 3 else 1
    pixels = min(spots_per_frame / look.statistics.spots_per_pixel, pixels_per_frame)
    share = min(np.sqrt(pixels / float(np.prod(shape))), 1.0) if depth else 1.0
    return (*shape[:-2], *(min(max(int(share * side), LEAST_SIDE), side) for side in shape[-2:]))


def _require_spots(spots: pd.DataFrame) -> None:
    n_frames = int(spots["frame"].nunique())
    if len(spots) < FEW_SPOTS or n_frames < FEW_FRAMES:
        raise TrackingError(
            f"calibration needs {FEW_SPOTS} spots in {FEW_FRAMES} frames to tell how particles move, but there are "
            f"{len(spots)} in {n_frames}: give a longer movie, or go without --calibrate"
        )


def _require_motion(look: Look) -> None:
    statistics = look.statistics
    if len(look.steps) < FEW_STEPS or not np.isfinite(statistics.scale):
        raise TrackingError(
            f"calibration needs {FEW_STEPS} steps of particles from a frame to the next, but only {len(look.steps)} "
            "could be linked: give a longer movie, check the spots in overlay.png, or go without --calibrate"
        )
    d = look.steps.displacement.shape[1]
    if np.isfinite(statistics.error) and statistics.scale < 1.2 * np.sqrt(2 * d) * statistics.error:
        raise TrackingError(
            f"calibration finds nothing that moves: particles are displaced by {statistics.scale:.2g} px from a frame "
            f"to the next, no more than the error of their positions; go without --calibrate"
        )


def _doubts(look: Look, gain: float, estimate: Estimate, alike: list[Likeness], tuning: FineTuning | None) -> list[str]:
    said = []
    statistics, shares = look.statistics, estimate.motion.shares()
    likely = [name for name, share in shares.items() if share > 0.1]
    if len(likely) > 1:
        said.append("the kind of motion could not be told for sure: it may be " + ", or ".join(likely))
    if gain <= 0:
        said.append("the camera's gain could not be told: all noise was taken to be alike in bright and dark places")
    if statistics.scale > FAR * statistics.nearest:
        said.append(
            f"particles are displaced by {statistics.scale:.2g} px and have neighbours at {statistics.nearest:.2g} px: "
            "many links are guesses, and so is the estimate"
        )
    if look.n_ends < 10:
        said.append(f"only {look.n_ends:.0f} tracks end within the movie: how long particles live is hardly known")
    differ = [one.title for one in alike if not one.agrees]
    if differ:
        said.append(
            f"simulated movies differ from this one in {', '.join(differ)}: the expected measures may not hold for it"
        )
    if tuning and tuning.ended_by_clock:
        said.append(f"fine-tuning ended after {tuning.n_steps} of {tuning.n_planned} steps, as this machine is slow")
    return said
