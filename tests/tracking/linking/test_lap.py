import numpy as np
import pandas as pd
import pytest
import trackpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tracking.linking import LinkingOptions, link
from tracking.linking.lap import frame_links

PLAIN = LinkingOptions(search_radius=8, max_gap=0)


def test_the_sum_decides_and_not_the_nearest_pair():
    frames, positions = np.array([0, 0, 1, 1]), np.array([[0, 0], [3, 0], [2, 0], [6.5, 0]])
    # Nearest first joins 3 to 2 and leaves 6.5^2; the best sum is 2^2 + 3.5^2.
    assert frame_links(frames, positions, 7).tolist() == [[0, 2], [1, 3]]


def test_a_link_is_never_longer_than_the_radius():
    frames, positions = np.array([0, 1, 2]), np.array([[0, 0], [0, 5], [0, 10.01]])
    assert frame_links(frames, positions, 5).tolist() == [[0, 1]]


def test_a_dear_link_is_made_only_where_dearer_ones_are_usual():
    #   0     10    15            29  pixels
    #   a            b                at t=0
    #          .                  .   at t=1
    frames, positions = np.array([0, 0, 1, 1]), np.array([[0, 0], [15, 0], [10, 0], [29, 0]])
    # a to 10 and b to 29 cost 100 + 196. b to 10 costs 25, and leaving the other two alone 1.05 * 196.
    assert frame_links(frames, positions, 15).tolist() == [[1, 2]]
    # Elsewhere a particle moves by 20, so that leaving two spots alone costs 1.05 * 400.
    frames = np.array([0, 0, 0, 1, 1, 1])
    positions = np.array([[0, 0], [15, 0], [1000, 0], [10, 0], [29, 0], [1020, 0]])
    assert frame_links(frames, positions, 20).tolist() == [[0, 3], [1, 4], [2, 5]]


def test_crossing_particles_that_pass_at_a_distance_keep_their_identity():
    t = np.arange(11)
    rows = np.stack([np.stack([t, 3 * t], axis=1), np.stack([10 - t, 3 * t + 2.0], axis=1)], axis=1)
    linked = link(np.repeat(t, 2), rows.reshape(-1, 2).astype(float), PLAIN)
    assert linked.particle.tolist() == [0, 1] * 11


def brute_force(frames, positions, radius):
    """Least cost of linking two frames, by trying every choice."""
    first, second = np.flatnonzero(frames == 0), np.flatnonzero(frames == 1)
    costs = ((positions[first][:, None] - positions[second][None]) ** 2).sum(axis=2)
    allowed = costs <= radius**2
    if not allowed.any():
        return 0.0
    alternative = max(1.05 * costs[allowed].max(), 1e-12)

    def least(row, free):
        if row == len(first):
            return 0.0
        choices = [least(row + 1, free)]
        choices += [costs[row, k] - alternative + least(row + 1, free - {k}) for k in free if allowed[row, k]]
        return min(choices)

    return least(0, frozenset(range(len(second))))


@settings(deadline=None, max_examples=150)
@given(st.data(), st.integers(1, 5), st.integers(1, 5), st.sampled_from([1.0, 2.0, 3.5, 50.0]))
def test_no_linking_of_two_frames_is_cheaper(data, n_first, n_second, radius):
    frames = np.repeat([0, 1], [n_first, n_second])
    positions = data.draw(arrays(float, (len(frames), 2), elements=st.integers(0, 6)))
    links = frame_links(frames, positions, radius)
    costs = ((positions[links[:, 0]] - positions[links[:, 1]]) ** 2).sum(axis=1)
    all_costs = ((positions[frames == 0][:, None] - positions[frames == 1][None]) ** 2).sum(axis=2)
    dearest = all_costs[all_costs <= radius**2].max(initial=0)
    assert (costs - max(1.05 * dearest, 1e-12)).sum() == pytest.approx(brute_force(frames, positions, radius))


@pytest.mark.parametrize("n_axes", [2, 3])
@pytest.mark.parametrize("max_gap", [0, 2])
def test_nothing_depends_on_where_the_particles_are_or_how_axes_are_named(brownian, n_axes, max_gap):
    frames, positions, _ = brownian(40, 30, missed=0.1, n_axes=n_axes, side=100)
    options = LinkingOptions(search_radius=9, max_gap=max_gap)
    particle = link(frames, positions, options).particle
    for moved in (positions + 1234.5, positions[:, ::-1], -positions):
        np.testing.assert_array_equal(link(frames, moved, options).particle, particle)
    larger = LinkingOptions(search_radius=9 * 8, max_gap=max_gap)
    np.testing.assert_array_equal(link(frames, 8 * positions, larger).particle, particle)
    # Frames may begin anywhere, and spots of a frame come in any order.
    np.testing.assert_array_equal(link(frames + 1000, positions, options).particle, particle)
    order = np.lexsort((np.random.default_rng(0).random(len(frames)), frames))
    shuffled = link(frames[order], positions[order], options).particle
    back = np.empty_like(order)
    back[order] = shuffled
    _, first, inverse = np.unique(back, return_index=True, return_inverse=True)
    np.testing.assert_array_equal(np.argsort(np.argsort(first))[inverse], particle)


def test_z_counts_in_slices():
    frames, positions = np.array([0, 0, 1, 1]), np.array([[0, 0, 0], [2, 0, 0], [0, 0, 3], [2, 0, 3.0]])
    assert link(frames, positions, LinkingOptions(search_radius=4, z_scale=4)).particle.tolist() == [0, 1, 0, 1]
    # One slice is 2 pixels here, and both spots are nearest to the one of the other slice's neighbour.
    positions = np.array([[0, 0, 0], [1, 0, 2.5]])
    assert link(np.array([0, 1]), positions, LinkingOptions(search_radius=3)).particle.tolist() == [0, 0]
    assert link(np.array([0, 1]), positions, LinkingOptions(search_radius=3, z_scale=2)).particle.tolist() == [0, 1]


@pytest.mark.parametrize(("side", "n_axes"), [(400, 2), (120, 3)])
def test_links_are_those_of_trackpy_where_particles_are_sparse(brownian, side, n_axes):
    frames, positions, _ = brownian(60, 40, side=side, n_axes=n_axes, step=1.0)
    columns = ["z", "y", "x"][-n_axes:]
    table = pd.DataFrame(positions, columns=columns).assign(frame=frames)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trackpy.logger, "disabled", True)
        peer = trackpy.link(table, 8, pos_columns=columns)["particle"].to_numpy()
    particle = link(frames, positions, PLAIN).particle
    assert len(set(zip(peer, particle, strict=True))) == len(set(peer)) == len(set(particle))


def test_immobile_particles_and_spots_in_one_place():
    frames = np.repeat(np.arange(5), 3)
    positions = np.tile([[0, 0], [50, 50], [50, 50.0]], (5, 1))
    linked = link(frames, positions, PLAIN)
    assert linked.particle[0::3].tolist() == [0] * 5
    # Which of the two is which nobody can tell, but each has one spot a frame.
    assert np.bincount(linked.particle).tolist() == [5, 5, 5]


def test_a_radius_larger_than_the_field(brownian):
    frames, positions, truth = brownian(150, 4, side=2000)
    np.testing.assert_array_equal(link(frames, positions, LinkingOptions(search_radius=1e9)).particle, truth)
