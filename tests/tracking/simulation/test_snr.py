import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.simulation import peak_over_background


def test_by_hand():
    # Without background SNR = sqrt(I). With background 12 and snr 2: I = 18, 6 / sqrt(18) is no 2; I = 16: 4 / 4 = 1;
    # a = (4 + 2 sqrt(4 + 48)) / 2 = 9.211, I = 21.211, 9.211 / 4.606 = 2.
    assert peak_over_background(5, 0) == 25
    assert peak_over_background(1, 12) == pytest.approx(4)
    assert peak_over_background(2, 12) == pytest.approx(9.211, abs=1e-3)


@given(st.floats(0.01, 50), st.floats(0, 1e4))
def test_the_definition_holds(snr, background):
    peak = background + peak_over_background(snr, background)
    assert (peak - background) / peak**0.5 == pytest.approx(snr, rel=1e-6)
