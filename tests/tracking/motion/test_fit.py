import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.motion.fit import blur_offset, blurred_power, fit_exponent, fit_line, fit_power_law

LAG = np.arange(1, 11) * 0.05
EQUAL = np.eye(10)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.2, 2.0), st.floats(0.01, 10), st.floats(0, 1))
def test_a_perfect_curve_is_found(exponent, scale, offset):
    found = fit_power_law((scale * LAG**exponent + offset)[None], LAG, EQUAL, None, 0.05)
    assert found.exponent[0] == pytest.approx(exponent, abs=0.01)
    assert fit_exponent((scale * LAG**exponent)[None], LAG, EQUAL)[0] == pytest.approx(exponent, abs=0.005)


def test_a_line():
    slope, intercept = fit_line(np.stack([2 * LAG + 1, -LAG]), LAG, EQUAL)
    assert slope == pytest.approx([2, -1])
    assert intercept == pytest.approx([1, 0])


def test_a_falling_curve_has_no_exponent():
    assert np.isnan(fit_power_law(-LAG[None], LAG, EQUAL, None, 0.05).exponent[0])
    assert np.isnan(fit_exponent(-LAG[None], LAG, EQUAL)[0])


def test_blur_of_brownian_motion_is_a_third_of_the_exposure():
    assert blurred_power(LAG, 1.0, 0.05) == pytest.approx(LAG - 0.05 / 3)
    assert blurred_power(LAG, 1.0, 0.0) == pytest.approx(LAG)
    assert blur_offset(1.0, 0.05) == pytest.approx(0.05 / 3)


def test_blur_of_a_straight_path_is_none():
    assert blurred_power(LAG, 2.0, 0.05) == pytest.approx(LAG**2)
