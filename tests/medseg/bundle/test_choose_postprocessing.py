import numpy as np
import pytest

from medseg.bundle.choose_postprocessing import choose_postprocessing
from medseg.bundle.try_postprocessing import PostprocessingTrial, try_postprocessing
from medseg.metrics import paired_difference

CLASSES = {1: "organ", 2: "vessel"}
Trials = tuple[PostprocessingTrial, ...]


def drawn(picture: str) -> np.ndarray:
    return np.array([[int(sign) for sign in row] for row in picture.split()], dtype=np.uint8)


REFERENCE = drawn("""
    111000022
    111000022
    111000000
    000000222
""")


def case(speck: int = 0, hole: int = 0) -> Trials:
    """Trials of a case whose two vessels were found exactly, and whose organ with a stray speck and a hole or without.

    The largest component helps the organ and harms the vessels, which are two.
    """
    prediction = REFERENCE.copy()
    prediction[3, 4 : 4 + speck] = 1
    prediction[1, 1 : 1 + hole] = 0
    return try_postprocessing(prediction, REFERENCE, CLASSES)


def test_what_helps_a_class_is_kept_for_it_and_what_harms_another_is_not() -> None:
    cases = [case(speck=1 + seed % 2) for seed in range(8)]
    chosen = choose_postprocessing(cases)

    assert (chosen.largest_component, chosen.fill_holes) == ([1], [])
    by_trial = {(item.option, item.value): item for item in chosen.evidence}
    assert len(by_trial) == 4
    speck = by_trial["largest_component", 1]
    before = [2 * 9 / (9 + 9 + 1 + seed % 2) for seed in range(8)]
    expected = paired_difference([1.0] * 8, before)
    assert (speck.gain, speck.n) == (pytest.approx(expected.mean), 8)
    assert (speck.low_95, speck.high_95) == pytest.approx(expected.ci95)
    assert by_trial["largest_component", 2].gain == pytest.approx(2 * 4 / (4 + 7) - 1)
    assert not by_trial["largest_component", 2].kept


def test_holes_are_filled_where_that_helps() -> None:
    chosen = choose_postprocessing([case(hole=1)] * 7 + [case()])
    assert (chosen.largest_component, chosen.fill_holes) == ([], [1])


def test_a_gain_that_may_be_chance_is_not_kept() -> None:
    chosen = choose_postprocessing([case(speck=1)] + [case()] * 7)
    assert chosen.largest_component == []
    gain = next(item.gain for item in chosen.evidence if item.value == 1)
    assert gain is not None
    assert gain > 0


def test_too_few_cases_or_patients_speak_for_nothing() -> None:
    assert choose_postprocessing([case(speck=1)]).largest_component == []
    six = [case(speck=1)] * 6
    assert choose_postprocessing(six).largest_component == [1]
    assert choose_postprocessing(six[:5]).largest_component == []
    assert choose_postprocessing(six, groups=["p"] * 6).largest_component == []
    assert choose_postprocessing(six, groups=["p", "p", "q", "r", "s", "t"]).largest_component == []
    assert choose_postprocessing([]).evidence == []


def test_cases_with_neither_class_count_for_none() -> None:
    empty = try_postprocessing(np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8), CLASSES)
    chosen = choose_postprocessing([empty] * 3 + [case(speck=1)] * 2)
    assert [item.n for item in chosen.evidence] == [2] * 4
    assert choose_postprocessing([empty]).evidence[0].gain is None


def test_cases_tried_otherwise_are_refused() -> None:
    with pytest.raises(ValueError, match="same options and classes"):
        choose_postprocessing([case(), case()[:2]])
