from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, Field

from tracking.errors import OptionError, TrackingError
from tracking.simulation.brownian import BrownianMotion
from tracking.simulation.directed import DirectedMotion
from tracking.simulation.options import SimulationOptions
from tracking.simulation.switching import SwitchingMotion
from tracking.validation import checked, did_you_mean


class Scenario(BaseModel, extra="forbid", frozen=True):
    """A kind of movie of the Particle Tracking Challenge."""

    description: str = Field(description="What moves, and how.")
    densities: Mapping[str, float] = Field(
        description="Particles per frame of each density, in the scenario's own field."
    )
    options: SimulationOptions = Field(description="The movie at the middle density.")


def _scenario(description: str, low: float, mid: float, high: float, **options: Any) -> Scenario:
    return Scenario(
        description=description,
        densities=MappingProxyType({"low": low, "mid": mid, "high": high}),
        options=SimulationOptions(particles_per_frame=mid, **options),
    )


# Numbers, dynamics and sizes are those of Chenouard et al. 2014, doi:10.1038/nmeth.2808; the motion and the share of
# particles that is there no more in the next frame (0.05, 0.07, 0.09, 0.06) were fitted to its movies. Of that share
# 0.006, 0.006, 0.012 and 0.036 leave our fields, measured; `survival` is set for the rest. Not published, and ours: the
# parameters of switching, the microtubules' elongation and the axial width of the spots.
SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "vesicle": _scenario(
            "Round spots that diffuse.", 100, 500, 1000, motion=BrownianMotion(step=(2.0, 2.0)), survival=0.956
        ),
        "receptor": _scenario(
            "Round spots that switch between diffusion and directed motion in any direction.",
            *(100, 500, 1000),
            motion=SwitchingMotion(),
            survival=0.936,
        ),
        "microtubule": _scenario(
            "Spots, elongated along their motion, that move at nearly constant velocity.",
            *(60, 400, 700),
            motion=DirectedMotion(velocity=(3.7, 4.0), acceleration=(0.6, 0.6)),
            survival=0.921,
            psf_sigma=1.1,
            psf_elongation=2.0,
        ),
        "virus": _scenario(
            "Spots in three dimensions that switch between diffusion and directed motion in one direction.",
            *(100, 500, 1000),
            motion=SwitchingMotion(shared_direction=True),
            survival=0.976,
            frame_shape=(10, 512, 512),
            z_spacing=4.48,
        ),
    }
)


def scenario_options(
    scenario: str,
    *,
    density: str | float = "mid",
    snr: float = 4.0,
    overrides: Mapping[str, Any] | None = None,
) -> SimulationOptions:
    """Options of a movie like those of the challenge.

    Args:
        scenario: A name in `SCENARIOS`: vesicle, receptor, microtubule or virus.
        density: ``low``, ``mid`` or ``high`` for the challenge's own, which in a smaller or larger field than its own
            gives fewer or more particles; or the number of particles in a frame.
        snr: Signal-to-noise ratio; the challenge has 1, 2, 4 and 7.
        overrides: Other fields of `SimulationOptions` to set.

    Raises:
        TrackingError: There is no such scenario, density or option, or a value is out of range.
    """
    if scenario not in SCENARIOS:
        raise TrackingError(f"there is no scenario `{scenario}`{did_you_mean(scenario, list(SCENARIOS))}")
    preset = SCENARIOS[scenario]
    overrides = dict(overrides or {})
    for name, argument in (("particles_per_frame", "density"), ("snr", "snr")):
        if name in overrides:
            raise TrackingError(f"`{name}` may not be overridden: give `{argument}`")
    defaults = {name: getattr(preset.options, name) for name in SimulationOptions.model_fields}
    values = {**defaults, "snr": snr, **overrides, "particles_per_frame": 1.0}
    options = checked(SimulationOptions, values)
    n_particles = _particles_per_frame(density, preset, options.frame_shape)
    return checked(SimulationOptions, {**values, "particles_per_frame": n_particles})


def _particles_per_frame(density: str | float, preset: Scenario, frame_shape: tuple[int, ...]) -> float:
    if density in preset.densities:
        field = 1.0
        for size, own in zip(frame_shape[::-1], preset.options.frame_shape[::-1], strict=False):
            field *= size / own
        return preset.densities[str(density)] * field
    try:
        n_particles = float(density)
    except ValueError:
        names = list(preset.densities)
        raise OptionError(
            f"`density` must be a number of particles per frame or one of {', '.join(names)}, got `{density}`"
        ) from None
    if not 0 < n_particles < float("inf"):
        raise OptionError(f"`density` must be above 0, got {density}")
    return n_particles
