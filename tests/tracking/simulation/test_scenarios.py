import pytest

from tracking.errors import TrackingError
from tracking.simulation import SCENARIOS, BrownianMotion, DirectedMotion, SwitchingMotion, scenario_options


def test_the_four_of_the_challenge():
    assert list(SCENARIOS) == ["vesicle", "receptor", "microtubule", "virus"]
    for name, scenario in SCENARIOS.items():
        options = scenario.options
        assert options.n_frames == 100
        assert options.frame_shape == ((10, 512, 512) if name == "virus" else (512, 512))
        assert options.background == 10
        assert options.bit_depth == 8
    assert scenario_options("vesicle").motion == BrownianMotion(step=2)
    assert scenario_options("receptor").motion == SwitchingMotion(
        step=(0.8, 1.6), speed=(2, 4), switch_probability=(0.05, 0.15), shared_direction=False
    )
    assert scenario_options("microtubule").motion == DirectedMotion(velocity=(3.7, 4.0), acceleration=0.6)
    assert scenario_options("virus").motion.shared_direction
    assert scenario_options("virus").z_spacing == 4.48


@pytest.mark.parametrize(
    ("scenario", "densities"),
    [
        ("vesicle", (100, 500, 1000)),
        ("receptor", (100, 500, 1000)),
        ("microtubule", (60, 400, 700)),
        ("virus", (100, 500, 1000)),
    ],
)
def test_densities_are_the_published_ones(scenario, densities):
    names = ("low", "mid", "high")
    assert tuple(scenario_options(scenario, density=name).particles_per_frame for name in names) == densities


def test_a_named_density_is_kept_in_a_smaller_field_and_a_number_is_taken_as_it_is():
    small = {"frame_shape": (256, 128)}
    assert scenario_options("vesicle", density="mid", overrides=small).particles_per_frame == 500 / 8
    assert scenario_options("vesicle", density=30, overrides=small).particles_per_frame == 30
    assert scenario_options("vesicle", density="30", overrides=small).particles_per_frame == 30
    thin = {"frame_shape": (5, 512, 512)}
    assert scenario_options("virus", density="mid", overrides=thin).particles_per_frame == 250
    flat = {"frame_shape": (512, 512)}
    assert scenario_options("virus", density="mid", overrides=flat).particles_per_frame == 500


def test_overrides_leave_the_rest_as_it_is():
    options = scenario_options("virus", snr=7, overrides={"n_frames": 5, "motion": {"kind": "brownian", "step": 3}})
    assert options.n_frames == 5
    assert options.motion == BrownianMotion(step=3)
    assert options.snr == 7
    assert options.frame_shape == (10, 512, 512)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scenario": "receptors"}, "there is no scenario `receptors`: did you mean `receptor`?"),
        ({"scenario": "cell"}, "there is no scenario `cell`: there are vesicle, receptor, microtubule, virus"),
        (
            {"density": "medium"},
            "`density` must be a number .* or one of low, mid, high, got `medium`",
        ),
        ({"density": 0}, "`density` must be above 0, got 0"),
        ({"density": -3.5}, "`density` must be above 0, got -3.5"),
        ({"density": float("nan")}, "`density` must be above 0, got nan"),
        ({"density": 1e9}, "a movie may have 10000000 spots at most"),
        ({"snr": 0}, "`snr` must be greater than 0, got 0"),
        ({"overrides": {"n_frames": 0}}, "`n_frames` must be greater than 0"),
        ({"overrides": {"frames": 3}}, "there is no option `frames`: did you mean `n_frames`?"),
        ({"overrides": {"snr": 3}}, "`snr` may not be overridden: give `snr`"),
        ({"overrides": {"particles_per_frame": 3}}, "`particles_per_frame` may not be overridden: give `density`"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(TrackingError, match=message):
        scenario_options(**{"scenario": "vesicle", **arguments})
