from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tracking.calibration.adjust import adjust_spots, adjust_tracks, mean_model, survival
from tracking.calibration.fit_motion import N_SPOTS, MotionFit, fit_motion
from tracking.calibration.found_spots import FoundSpots
from tracking.calibration.like_movie import true_spots
from tracking.calibration.look import Look, MovieStatistics, look_at, pixel_positions
from tracking.calibration.motion_family import simulated_steps
from tracking.calibration.motion_features import features_and_covariance, motion_features
from tracking.calibration.movie_model import MovieModel
from tracking.calibration.simulated_spots import SimulatedSpots, Stage, simulated_spots
from tracking.calibration.steps import Steps, steps_of_tracks
from tracking.dpht.network import TrackNetwork

# Movies of positions alone, from which the field's effect on tracks is taken.
COPIES = 4
# Rounds in which spots alone are adjusted, and frames of their movies.
SPOT_ROUNDS, BRIEF = 6, 16
# Last rounds whose results are averaged.
AVERAGED = 2
# Of the shift that linking makes in a feature this share is taken as the error of knowing it.
DOUBT = 0.3


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a movie is like, as far as its own spots tell.

    Attributes:
        model: Movies simulated from it look like the user's.
        motion: All motion that explains the movie.
        found: How well the detector finds the particles.
        relative_error: Standard error of the density, of the death rate and of the signal, relative to their values.
    """

    model: MovieModel
    motion: MotionFit
    found: FoundSpots
    relative_error: dict[str, float]

    def draw(self, rng: np.random.Generator) -> MovieModel:
        """A model at random around the estimate, as far off as the estimate may be."""
        off = {name: float(np.exp(error * rng.standard_normal())) for name, error in self.relative_error.items()}
        model = self.model
        return model.model_copy(
            update={
                "motions": self.motion.draw(rng),
                "density": model.density * off["density"],
                "survival": survival((1 - model.survival) * off["death"]),
                "signal": model.signal * off["signal"],
            }
        )


def estimate_movie(
    look: Look,
    gain: float,
    stage: Stage,
    network: TrackNetwork,
    *,
    n_frames: int,
    rounds: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Estimate:
    """Find what a movie is like from its detections and tracks, without any annotation.

    Tracks are wrong in part, and wrong in a way that depends on the movie: long steps are lost, crowds look lively. So
    the movie is compared with simulated ones that go the same way, detector and linking and all, and what they are
    simulated from is adjusted until they agree. The features of the motion are corrected by the shift that linking
    makes in those of the simulated movies, of which the right links are known.

    Args:
        look: At the user's movie.
        gain: By how much the variance of its noise grows with the intensity.
        stage: Of the simulated movies.
        n_frames: Frames that were looked at.
        network: That looked at the movie.
        rounds: Of simulating and adjusting.
        seed: Of all random numbers.
        progress: Called with the number of rounds done and of all.

    Source: Indirect inference after Gourieroux, Monfort and Renault 1993, doi:10.1002/jae.3950080507.
    """
    n_axes, field = len(stage.frame_shape), stage.detector.frame_shape
    unit = look.statistics.scale / np.sqrt(n_axes)
    error = look.statistics.error if np.isfinite(look.statistics.error) else 0.2 * float(str(sigma_of(stage)))
    errors = np.full(n_axes, error)
    target, covariance = features_and_covariance(look.steps, unit)
    motion = fit_motion(target, covariance, errors, unit, seed)
    model = _first_model(look.statistics, gain, stage, motion)
    brief = replace(stage, n_frames=min(BRIEF, stage.n_frames))
    models: list[MovieModel] = []
    shifts: list[np.ndarray] = []
    seen: list[SimulatedSpots] = []
    for number in range(SPOT_ROUNDS):
        model = adjust_spots(model, look.statistics, gain, simulated_spots(brief, model, seed + 31 * (number + 1)), 1.0)
    for number in range(rounds):
        share = 1.0 if number < rounds - AVERAGED else 0.6
        one = simulated_spots(stage, model, seed + 1009 * (number + 1))
        tracks = look_at(one.spots, network, stage.frame_shape, one.gain, stage.linking)
        model = adjust_tracks(model, look.statistics, tracks.statistics, share)
        model = adjust_spots(model, look.statistics, gain, one, share)
        seen = [*seen, one][-AVERAGED:]
        shifts = [*shifts, _shift(one, tracks.steps, field, n_frames, unit, seed + number)][-AVERAGED:]
        shift = np.mean(shifts, axis=0)
        errors = np.mean([of.found.error for of in seen], axis=0)
        known = np.isfinite(shift)
        doubt = np.diag(np.where(known, DOUBT * shift, 0.0) ** 2)
        motion = fit_motion(np.where(known, target - shift, np.nan), covariance + doubt, errors, unit, seed, motion)
        model = model.model_copy(update={"motions": motion.best})
        models.append(model)
        if progress:
            progress(number + 1, rounds)
    model = mean_model(models[-AVERAGED:])
    found = [one.found for one in seen]
    n_spots, n_runs = len(look.linked.particle), max(len(np.unique(look.steps.run)), 1)
    return Estimate(
        model=model,
        motion=motion,
        found=FoundSpots(
            detected=float(np.mean([one.detected for one in found])),
            false=float(np.mean([one.false for one in found])),
            error=errors,
            resolution=float(np.mean([one.resolution for one in found])),
        ),
        relative_error={
            # Particles are independent, spots of one are not.
            "density": float(np.sqrt(1 / n_runs)),
            "death": float(min(np.sqrt(1 / max(look.n_ends, 1) + 1 / n_runs), 0.7)),
            "signal": float(np.hypot(0.01, look.statistics.signal_spread / np.sqrt(n_spots))),
        },
    )


def sigma_of(stage: Stage) -> float:
    """Standard deviation of a spot in pixels, as the detector of the movie takes it."""
    return float(str(stage.detector.settings["sigma"]))


def _first_model(statistics: MovieStatistics, gain: float, stage: Stage, motion: MotionFit) -> MovieModel:
    settings = stage.detector.settings
    sigma_z = settings["sigma_z"]
    return MovieModel(
        motions=motion.best,
        density=statistics.spots_per_pixel,
        survival=survival(0.9 * statistics.ended),
        signal=max(statistics.signal, 1e-12),
        signal_spread=float(np.sqrt(max(statistics.signal_spread**2 - 1.1 / statistics.snr**2, 0.0))),
        psf_sigma=sigma_of(stage),
        psf_sigma_z=0.6 if sigma_z is None else float(str(sigma_z)),
        z_spacing=stage.linking.z_scale,
        background=statistics.background,
        noise=max(statistics.noise, 1e-12),
        gain=gain,
        dark=stage.detector.options.dark,
    )


def _shift(
    seen: SimulatedSpots, linked: Steps, field: tuple[int, ...], n_frames: int, unit: float, seed: int
) -> np.ndarray:
    """By how much features of a movie's tracks differ from those of its motion.

    One part is what linking does: tracks of a simulated movie against its true ones with the same errors of position.
    The other is what the field does, which particles enter and leave: true tracks in it against endless ones.
    """
    rng = np.random.default_rng([seed, 17])
    model = seen.movie.model
    true = _true_steps(seen.movie.truth.spots, model.z_spacing, seen.found.error, rng)
    spots = pd.concat(
        [true_spots(model, field, n_frames, rng).assign(copy=number) for number in range(COPIES)], ignore_index=True
    )
    spots["particle"] += spots["copy"] * (int(spots["particle"].max()) + 1)
    in_field = _true_steps(spots, model.z_spacing, seen.found.error, rng)
    endless = simulated_steps(model.motions, seen.found.error, max(len(in_field) // N_SPOTS, 400), N_SPOTS, rng)
    features = [motion_features(steps, unit) for steps in (linked, true, in_field, endless)]
    return np.asarray(features[0] - features[1] + features[2] - features[3])


def _true_steps(spots: pd.DataFrame, z_spacing: float, error: np.ndarray, rng: np.random.Generator) -> Steps:
    position = pixel_positions(spots, z_spacing)
    position = position + error * rng.standard_normal(position.shape)
    return steps_of_tracks(spots["frame"].to_numpy(), spots["particle"].to_numpy(), position)
