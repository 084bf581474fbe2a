import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from tracking.simulation.ranges import Range, draw

adapter = TypeAdapter(Range)


def test_a_number_stands_for_a_value_all_particles_share():
    bounds = adapter.validate_python(2)
    assert bounds == (2.0, 2.0)
    assert draw(bounds, 3, np.random.default_rng(0)).tolist() == [2.0, 2.0, 2.0]


def test_two_numbers_are_bounds_of_an_even_distribution():
    values = draw(adapter.validate_python([1, 3]), 10_000, np.random.default_rng(0))
    assert values.min() >= 1
    assert values.max() <= 3
    # The mean of 10,000 values has a standard error of 2 / sqrt(12) / 100 = 0.006.
    assert values.mean() == pytest.approx(2, abs=0.025)
    assert values.std() == pytest.approx(2 / np.sqrt(12), abs=0.02)


@pytest.mark.parametrize("value", [-1, (2, 1), (1, 2, 3), "fast", None, float("nan"), (0, float("inf"))])
def test_anything_else_is_refused(value):
    with pytest.raises(ValidationError, match="must be a number"):
        adapter.validate_python(value)
