import numpy as np
import pytest

from tracking.errors import TrackingError
from tracking.simulation import BrownianMotion, DirectedMotion, SimulationOptions
from tracking.validation import checked

GOOD = {"motion": BrownianMotion(), "particles_per_frame": 100}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"survival": 0}, "`survival` must be greater than 0, got 0"),
        ({"survival": 1.01}, "`survival` must be less than or equal to 1, got 1.01"),
        ({"snr": -1}, "`snr` must be greater than 0, got -1"),
        ({"snr": float("nan")}, "`snr` must be"),
        ({"n_frames": 0}, "`n_frames` must be greater than 0, got 0"),
        ({"n_frames": 2.5}, "`n_frames` must be a valid integer"),
        ({"particles_per_frame": 0}, "`particles_per_frame` must be greater than 0, got 0"),
        ({"frame_shape": (512,)}, "`frame_shape` "),
        ({"frame_shape": (0, 512)}, "`frame_shape.0` must be greater than 0, got 0"),
        ({"frame_shape": (1, 2, 3, 4)}, "`frame_shape` "),
        ({"bleaching": 1}, "`bleaching` must be less than 1, got 1"),
        ({"background": -1}, "`background` must be greater than or equal to 0, got -1"),
        ({"bit_depth": 12}, "`bit_depth` must be 8 or 16, got 12"),
        ({"psf_sigma": 0}, "`psf_sigma` must be greater than or equal to 0.4, got 0"),
        (
            {"motion": {"kind": "teleporting"}},
            "`motion` .*teleporting.*'brownian', 'directed', 'switching'",
        ),
        ({"motion": {"kind": "brownian", "step": -1}}, "`motion.brownian.step` must be a number from 0.*, got -1"),
        ({"motion": {"kind": "directed", "acceleration": 5}}, "`acceleration` must be at most `velocity`"),
        ({"n_frame": 5}, "there is no option `n_frame`: did you mean `n_frames`?"),
        (
            {"colour": "red"},
            "there is no option `colour`: there are motion, .*bit_depth",
        ),
        ({"frame_shape": (100_000, 100_000)}, "a frame may have 67108864 pixels at most, got `frame_shape`"),
        ({"n_frames": 10**6}, "a movie may have 10000000 spots at most, got `particles_per_frame` 100 in"),
        ({"psf_sigma": 21}, "`psf_sigma` must be less than or equal to 20, got 21"),
        ({"psf_elongation": 0.5}, "`psf_elongation` must be greater than or equal to 1, got 0.5"),
        ({"snr": 20}, "peak at `snr` 20 is 420 counts, more than `bit_depth` 8 holds: .*or use 16"),
        (
            {"snr": 300, "bit_depth": 16},
            "`bit_depth` 16 holds: lower `snr`, `background`, `gain` or `offset`$",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(changes, message):
    with pytest.raises(TrackingError, match=message) as caught:
        checked(SimulationOptions, {**GOOD, **changes})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_what_is_missing_is_named():
    with pytest.raises(TrackingError, match="the option `motion` is missing"):
        checked(SimulationOptions, {"particles_per_frame": 3})


def test_options_come_back_from_the_record_of_a_run():
    options = SimulationOptions(motion=DirectedMotion(velocity=(3, 5)), particles_per_frame=7, frame_shape=(3, 4, 5))
    assert SimulationOptions.model_validate_json(options.model_dump_json()) == options


def test_every_option_is_described():
    models = [SimulationOptions, DirectedMotion, BrownianMotion]
    fields = {name: field for model in models for name, field in model.model_fields.items() if name != "kind"}
    assert all(field.description and field.description.endswith(".") for field in fields.values())


def test_the_type_of_the_pixels():
    assert SimulationOptions(**GOOD).dtype == np.uint8
    assert SimulationOptions(**GOOD, bit_depth=16).dtype == np.uint16
