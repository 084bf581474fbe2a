import numpy as np
import pytest

from tracking.linking import LinkingOptions, link


def linked(frames, positions, radius, max_gap=0):
    options = LinkingOptions(method="nearest", search_radius=radius, max_gap=max_gap)
    return link(np.array(frames), np.array(positions, float), options).particle.tolist()


def test_the_closest_pair_comes_first_whatever_remains():
    # 3 to 2 is the closest, and 0 to 6.5 remains.
    assert linked([0, 0, 1, 1], [[0, 0], [3, 0], [2, 0], [6.5, 0]], radius=7) == [0, 1, 1, 0]
    assert linked([0, 0, 1, 1], [[0, 0], [3, 0], [2, 0], [6.5, 0]], radius=6) == [0, 1, 1, 2]


def test_gaps_are_closed_after_all_frames_are_linked(drawn, names):
    frames, positions, letters = drawn("""
        aa.a..a
    """)
    for max_gap, expected in ((0, ["aa", "a", "a"]), (1, ["aaa", "a"]), (2, ["aaaa"])):
        options = LinkingOptions(method="nearest", search_radius=5, max_gap=max_gap)
        assert names(link(frames, positions, options), letters) == expected


def test_spots_in_one_place_are_told_apart_by_their_order():
    assert linked([0, 0, 1, 1], np.zeros((4, 2)), radius=1) == [0, 1, 0, 1]


@pytest.mark.parametrize("n_axes", [2, 3])
def test_sparse_particles_are_found_again(brownian, n_axes):
    frames, positions, truth = brownian(30, 30, side=500, step=1, n_axes=n_axes)
    np.testing.assert_array_equal(linked(frames, positions, radius=6), truth)
