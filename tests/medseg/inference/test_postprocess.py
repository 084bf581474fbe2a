import numpy as np
import pytest

from medseg.inference.postprocess import postprocess


def drawn(picture: str) -> np.ndarray:
    return np.array([[int(sign) for sign in row] for row in picture.split()], dtype=np.uint8)


def test_the_largest_component_stays_and_corners_connect() -> None:
    label = drawn("""
        1100010
        1100000
        0010222
        0000222
        2000000
    """)
    expected = drawn("""
        1100000
        1100000
        0010222
        0000222
        2000000
    """)
    np.testing.assert_array_equal(postprocess(label, largest_component=[1]), expected)
    assert label[0, 5] == 1
    assert postprocess(label, largest_component=[1, 2])[4, 0] == 0


def test_enclosed_background_is_filled_and_other_classes_in_it_stay() -> None:
    label = drawn("""
        1111122
        1000120
        1020122
        1000100
        1111100
    """)
    expected = drawn("""
        1111122
        1111120
        1121122
        1111100
        1111100
    """)
    np.testing.assert_array_equal(postprocess(label, fill_holes=[1]), expected)


def test_a_ring_that_hangs_together_by_corners_encloses_its_hole() -> None:
    ring = drawn("00100 01010 00100")
    np.testing.assert_array_equal(postprocess(ring, largest_component=[1]), ring)
    np.testing.assert_array_equal(postprocess(ring, fill_holes=[1]), drawn("00100 01110 00100"))


def test_nothing_chosen_or_nothing_there_changes_nothing() -> None:
    label = drawn("010 000 001")
    np.testing.assert_array_equal(postprocess(label), label)
    np.testing.assert_array_equal(postprocess(label, largest_component=[2], fill_holes=[2]), label)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_volumes_of_any_type(dtype: type) -> None:
    label = np.zeros((7, 7, 7), dtype)
    label[2:7, 2:7, 2:7] = 1
    label[4, 4, 4] = 0
    label[0, 0, 0] = 1
    result = postprocess(label, [1], [1])
    assert result.dtype == dtype
    assert result.sum() == 125
