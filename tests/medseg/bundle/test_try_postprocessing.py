import numpy as np
import pytest

from medseg.bundle.try_postprocessing import PostprocessingTrial, try_postprocessing


def drawn(picture: str) -> np.ndarray:
    return np.array([[int(sign) for sign in row] for row in picture.split()], dtype=np.uint8)


def test_every_option_is_tried_on_every_class_by_itself() -> None:
    reference = drawn("""
        1110000
        1110022
        1110000
        0000022
    """)
    prediction = drawn("""
        1110000
        1010022
        1110000
        0000122
    """)
    before, tidy, full = (2 * hits / (9 + size) for hits, size in ((8, 9), (8, 8), (9, 10)))
    found = {
        (trial.option, trial.value): (trial.before, trial.after)
        for trial in try_postprocessing(prediction, reference, {1: "organ", 2: "vessel", 3: "absent"})
    }

    assert found == {
        ("largest_component", 1): pytest.approx((before, tidy)),
        ("fill_holes", 1): pytest.approx((before, full)),
        ("largest_component", 2): pytest.approx((1.0, 2 * 2 / (4 + 2))),
        ("fill_holes", 2): (1.0, 1.0),
        ("largest_component", 3): (None, None),
        ("fill_holes", 3): (None, None),
    }
    assert prediction[3, 4] == 1


def test_a_trial_is_read_back_as_it_was_written() -> None:
    for before in (None, 0.1 + 0.2):
        trial = PostprocessingTrial(option="fill_holes", value=1, before=before, after=1 / 3)
        assert PostprocessingTrial.model_validate_json(trial.model_dump_json()) == trial


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        try_postprocessing(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), {1: "organ"})
