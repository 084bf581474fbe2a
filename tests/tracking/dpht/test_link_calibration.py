import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tracking.dpht.link_calibration import N_BINS, link_calibration_error


def reference(probability: np.ndarray, is_right: np.ndarray) -> float:
    """Guo et al. 2017, equation 3, bin by bin."""
    total = 0.0
    for number in range(N_BINS):
        low, high = number / N_BINS, (number + 1) / N_BINS
        inside = (probability >= low) & ((probability < high) | (number == N_BINS - 1))
        if inside.any():
            total += inside.sum() * abs(probability[inside].mean() - is_right[inside].mean())
    return total / len(probability)


@given(
    st.integers(1, 60).flatmap(
        lambda n: st.tuples(arrays(np.float32, n, elements=st.integers(0, 997).map(lambda k: k / 997)), arrays(bool, n))
    )
)
def test_it_is_the_mean_distance_of_share_and_probability(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    probability, is_right = drawn
    error = link_calibration_error(torch.from_numpy(probability), torch.from_numpy(is_right).float())
    assert error == pytest.approx(reference(probability.astype(np.float64), is_right), abs=1e-5)


def test_probabilities_that_come_true_are_calibrated() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(200_000).astype(np.float32)
    is_right = (rng.random(len(probability)) < probability).astype(np.float32)
    assert link_calibration_error(*map(torch.from_numpy, (probability, is_right))) < 0.005
    assert link_calibration_error(*map(torch.from_numpy, (probability**2, is_right))) > 0.1


def test_sure_and_half_right_is_off_by_a_half() -> None:
    assert link_calibration_error(torch.ones(10), torch.arange(10).remainder(2).float()) == pytest.approx(0.5)


@pytest.mark.parametrize("shapes", [((0,), (0,)), ((3,), (4,)), ((2, 2), (2, 2))])
def test_other_shapes_are_refused(shapes: tuple) -> None:
    with pytest.raises(ValueError, match=r"must have one shape \(m,\)"):
        link_calibration_error(*map(torch.ones, shapes))
