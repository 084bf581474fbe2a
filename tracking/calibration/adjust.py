import numpy as np

from tracking.calibration.look import MovieStatistics, SpotStatistics
from tracking.calibration.movie_model import MovieModel
from tracking.calibration.simulated_spots import SimulatedSpots

# The longest step of one round, as a factor, and of a probability.
FACTOR, CHANCE = 2.5, 0.08
# Particles that are found less often than this are not found the oftener for being a little brighter.
LEAST_DETECTED = 0.35
# Bounds of the share of particles that die from a frame to the next.
DEATHS = (0.002, 0.6)


def adjust_spots(
    model: MovieModel, wanted: SpotStatistics, gain: float, seen: SimulatedSpots, share: float
) -> MovieModel:
    """The model's density, brightness, spots and noise moved towards a movie's.

    Args:
        model: Of which ``seen`` was simulated.
        wanted: Of the user's movie.
        gain: Of its noise, as it is measured.
        seen: The simulated movie.
        share: Of the difference that is made up for.
    """
    got = seen.statistics
    longer = share * 1.2 * (wanted.eccentricity - got.eccentricity)
    elongation = float(np.clip(model.psf_elongation * np.exp(longer if np.isfinite(longer) else 0.0), 1, 4))
    thinner = (elongation / model.psf_elongation) ** -0.5
    spread = model.signal_spread**2 + share * (wanted.signal_spread**2 - got.signal_spread**2)
    # Where only the brightest are found, those found differ less than all do.
    power = share / float(np.clip(seen.found.detected / (1 - model.hidden), LEAST_DETECTED, 1))
    is_measured = gain > 0 and seen.gain > 0 and model.gain > 0
    return model.model_copy(
        update={
            "density": model.density * _ratio(wanted.spots_per_pixel, got.spots_per_pixel, share),
            "signal": model.signal * _ratio(wanted.signal, got.signal, power),
            "signal_spread": float(np.sqrt(np.clip(spread, 0, 2.0))),
            "psf_sigma": model.psf_sigma * thinner * _ratio(wanted.size, got.size, share),
            "psf_elongation": elongation,
            "background": model.background + share * (wanted.background - got.background),
            "noise": model.noise * _ratio(wanted.noise, got.noise, share),
            "gain": model.gain * _ratio(gain, seen.gain, 0.5 * share) if is_measured else gain,
        }
    )


def adjust_tracks(model: MovieModel, wanted: MovieStatistics, got: MovieStatistics, share: float) -> MovieModel:
    """The model's lifetimes, hidden particles and clutter moved towards a movie's; arguments as of `adjust_spots`."""
    death = (1 - model.survival) * _ratio(max(wanted.ended, 1e-3), max(got.ended, 1e-3), 0.8 * share)
    hidden = np.clip(share * (wanted.missed - got.missed), -CHANCE, CHANCE)
    clutter = np.clip(share * (wanted.loose - got.loose), -CHANCE, CHANCE) / max(1 - wanted.loose, 0.2)
    return model.model_copy(
        update={
            "survival": survival(death),
            "hidden": float(np.clip(model.hidden + hidden, 0, 0.9)),
            "clutter": float(np.clip(model.clutter + clutter, 0, 5)),
        }
    )


def survival(death: float) -> float:
    """Probability of living on, of a probability to die that is kept within bounds."""
    return 1 - float(np.clip(death, *DEATHS))


def _ratio(wanted: float, got: float, power: float) -> float:
    """By how much to multiply a number; 1 where one of the two cannot be told."""
    if not (np.isfinite(wanted) and np.isfinite(got) and wanted > 0 and got > 0):
        return 1.0
    return float(np.clip((wanted / got) ** power, 1 / FACTOR, FACTOR))


def mean_model(models: list[MovieModel]) -> MovieModel:
    """The last model, with the mean of all in whatever is a number."""
    logs = ("density", "signal", "psf_sigma", "psf_elongation", "noise")
    plain = ("survival", "hidden", "clutter", "signal_spread", "background", "gain")
    update = {name: float(np.exp(np.mean([np.log(getattr(one, name)) for one in models]))) for name in logs}
    update |= {name: float(np.mean([getattr(one, name) for one in models])) for name in plain}
    return models[-1].model_copy(update=update)
