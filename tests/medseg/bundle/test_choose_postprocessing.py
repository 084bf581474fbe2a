import numpy as np
import pytest

from medseg.bundle.choose_postprocessing import choose_postprocessing
from medseg.metrics import dice

CLASSES = {1: "organ", 2: "vessel"}


def case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """An organ whose prediction has a stray speck, of another size in every case, and two vessels found exactly."""
    reference = np.zeros((12, 12, 8), np.uint8)
    reference[1:6, 1:6, 1:6] = 1
    reference[8:10, 1:4, 1:4] = reference[8:10, 7:11, 1:6] = 2
    prediction = reference.copy()
    prediction[2 : 3 + seed % 3, 9:11, 3:5] = 1
    return prediction, reference


def test_what_helps_every_case_is_kept_and_what_harms_is_not() -> None:
    chosen = choose_postprocessing((case(seed) for seed in range(8)), CLASSES)
    assert chosen.largest_component == [1]
    assert chosen.fill_holes == []
    by_trial = {(item.option, item.value): item for item in chosen.evidence}
    assert len(by_trial) == 4
    speck = by_trial["largest_component", 1]
    expected = np.mean([1 - dice(prediction == 1, reference == 1) for prediction, reference in map(case, range(8))])
    assert speck.gain == pytest.approx(expected)
    assert speck.low_95 is not None
    assert speck.high_95 is not None
    assert 0 < speck.low_95 < speck.gain < speck.high_95
    assert speck.n == 8
    vessel = by_trial["largest_component", 2]
    assert vessel.gain is not None
    assert vessel.gain < 0
    assert not vessel.kept


def test_a_gain_that_may_be_chance_is_not_kept() -> None:
    exact = case(0)[1]
    cases = [case(0)] + [(exact, exact)] * 7
    chosen = choose_postprocessing(cases, CLASSES)
    assert chosen.largest_component == []
    assert next(item for item in chosen.evidence if item.value == 1).gain > 0


def test_too_few_cases_or_patients_speak_for_nothing() -> None:
    assert choose_postprocessing([case(0)], CLASSES).largest_component == []
    one_patient = choose_postprocessing([case(seed) for seed in range(4)], CLASSES, groups=["p"] * 4)
    assert one_patient.largest_component == []
    assert choose_postprocessing([], CLASSES).evidence[0].gain is None


def test_holes_are_filled_where_that_helps() -> None:
    pairs = []
    for seed in range(6):
        _, reference = case(seed)
        prediction = reference.copy()
        prediction[3, 3, 3 : 4 + seed % 2] = 0
        pairs.append((prediction, reference))
    assert choose_postprocessing(pairs, CLASSES).fill_holes == [1]
