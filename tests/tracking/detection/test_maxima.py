import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import maximum_filter

from tracking.detection.maxima import local_maxima, refine_maxima


def drawn(text):
    return np.array([[int(letter) for letter in line] for line in text.split()], np.float32)


def test_maxima_look_at_diagonal_neighbours_and_the_border():
    response = drawn("""
        50001
        00000
        00400
        03000
        00007
    """)
    assert local_maxima(response, 0.5).tolist() == [[0, 0], [0, 4], [2, 2], [4, 4]]
    assert local_maxima(response, 4.5).tolist() == [[0, 0], [4, 4]]


def test_a_plateau_counts_once():
    response = drawn("""
        00000
        02220
        02220
        00000
    """)
    assert local_maxima(response, 1).tolist() == [[1, 1]]


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_maxima_are_those_of_a_maximum_filter_where_no_values_are_equal(data):
    shape = data.draw(array_shapes(min_dims=2, max_dims=3, max_side=7))
    response = (
        data.draw(st.permutations(range(int(np.prod(shape))))) if np.prod(shape) < 60 else range(int(np.prod(shape)))
    )
    response = np.array(response, np.float32).reshape(shape)
    threshold = data.draw(arrays(np.float32, shape, elements=st.integers(0, 40).map(float)))
    expected = np.argwhere((response == maximum_filter(response, 3, mode="constant", cval=-1)) & (response > threshold))
    assert local_maxima(response, threshold).tolist() == expected.tolist()


def test_a_parabola_is_found_exactly():
    y, x = np.mgrid[:9, :11]
    response = (10 - 0.5 * (y - 4.3) ** 2 - 0.25 * (x - 5.8) ** 2).astype(np.float32)
    positions, heights = refine_maxima(response, local_maxima(response, 9))
    assert positions[0] == pytest.approx([4.3, 5.8], abs=1e-4)
    assert heights[0] == pytest.approx(10, abs=1e-4)


def test_refined_positions_stay_within_half_a_pixel():
    response = np.random.default_rng(0).normal(size=(60, 60)).astype(np.float32)
    places = local_maxima(response, 0.0)
    positions, heights = refine_maxima(response, places)
    assert np.abs(positions - places).max() <= 0.5
    assert (heights >= response[tuple(places.T)]).all()
