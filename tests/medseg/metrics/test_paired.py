import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medseg.metrics import PairedDifference, paired_difference
from medseg.metrics.mean import mean_ci95

measures = st.lists(st.tuples(*[st.none() | st.floats(0, 1)] * 2, st.integers(0, 3)), max_size=12)


def test_a_constant_gain_is_certain_however_hard_the_cases_are():
    b = np.linspace(0.1, 0.9, 9)
    difference = paired_difference((b + 0.0625).tolist(), b.tolist())
    assert difference.mean == pytest.approx(0.0625)
    assert difference.ci95 == pytest.approx((0.0625, 0.0625))


def test_cases_that_one_system_lacks_are_left_out_and_counted():
    difference = paired_difference([0.5, None, 0.75, 0.5], [0.25, 0.5, 0.5, None], ["p", "q", "p", "r"])
    assert difference == PairedDifference(mean=0.25, ci95=None, n=2, n_undefined=2, n_groups=1)


def test_no_case_has_no_difference():
    nothing = PairedDifference(mean=None, ci95=None, n=0, n_undefined=0, n_groups=0)
    assert paired_difference([], []) == nothing
    assert paired_difference([None], [1.0]).mean is None


@settings(deadline=None, max_examples=20)
@given(measures)
def test_swapping_the_systems_swaps_the_sign(cases):
    a, b, groups = zip(*cases, strict=True) if cases else ((), (), ())
    forth, back = paired_difference(a, b, groups), paired_difference(b, a, groups)
    assert (forth.n, forth.n_undefined, forth.n_groups) == (back.n, back.n_undefined, back.n_groups)
    assert forth.mean == (None if back.mean is None else -back.mean)
    assert (forth.ci95 is None) == (back.ci95 is None)
    if forth.ci95 is not None:
        assert forth.ci95 == pytest.approx((-back.ci95[1], -back.ci95[0]))


def test_the_interval_is_that_of_the_differences_with_patients_kept_whole():
    rng = np.random.default_rng(3)
    patient = np.repeat(np.arange(10), 3)
    b = rng.uniform(0.6, 0.9, size=30)
    a = b + rng.normal(0.02, 0.02, size=10)[patient]
    difference = paired_difference(a.tolist(), b.tolist(), patient.tolist())
    assert difference.ci95 == mean_ci95((a - b).tolist(), patient.tolist())
    assert (difference.n, difference.n_groups) == (30, 10)
    alone, apart = paired_difference(a.tolist(), b.tolist()), mean_ci95(a.tolist())
    assert np.ptp(alone.ci95) < np.ptp(difference.ci95) < np.ptp(apart)


def test_every_case_needs_both_systems_and_its_group():
    with pytest.raises(ValueError, match="one entry a case each, got 2, 1 and 2"):
        paired_difference([0.1, 0.2], [0.1])
    with pytest.raises(ValueError, match="one entry a case each, got 1, 1 and 2"):
        paired_difference([0.1], [0.1], ["p", "q"])
