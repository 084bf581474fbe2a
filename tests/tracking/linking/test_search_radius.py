import numpy as np
import pytest

from tracking.errors import TrackingError
from tracking.linking import LinkingOptions, estimate_search_radius, link
from tracking.linking import search_radius as module


@pytest.mark.parametrize(("n_particles", "step"), [(60, 2.0), (500, 2.0), (1000, 2.0), (500, 1.0), (300, 4.0)])
def test_nearly_all_steps_are_within_and_not_much_more(brownian, n_particles, step):
    # A step in two dimensions is longer than 2.45 standard deviations in 5 of 100 cases, than 3.03 in one.
    frames, positions, _ = brownian(n_particles, 20, step=step, side=512, missed=0.08)
    assert 2.4 * step < estimate_search_radius(frames, positions) < 6 * step


def test_crowds_get_a_smaller_radius(brownian):
    radii = [estimate_search_radius(*brownian(n, 20, side=512)[:2]) for n in (100, 1000, 3000)]
    assert radii == sorted(radii, reverse=True)


@pytest.mark.parametrize("n_particles", [1, 2, 3, 10])
@pytest.mark.parametrize("n_frames", [3, 30])
@pytest.mark.parametrize("seed", range(5))
def test_few_particles(brownian, n_particles, n_frames, seed):
    frames, positions, truth = brownian(n_particles, n_frames, side=512, seed=seed)
    radius = estimate_search_radius(frames, positions)
    assert 1 < radius < 25
    if n_frames == 30:
        np.testing.assert_array_equal(link(frames, positions, LinkingOptions(max_gap=0)).particle, truth)


def test_it_scales_and_does_not_depend_on_place_or_axes(brownian):
    frames, positions, _ = brownian(100, 20, side=300)
    radius = estimate_search_radius(frames, positions)
    assert estimate_search_radius(frames, 4 * positions) == pytest.approx(4 * radius)
    assert estimate_search_radius(frames, positions + 1000) == pytest.approx(radius)
    assert estimate_search_radius(frames + 7, positions[:, ::-1]) == pytest.approx(radius)


def test_z_counts_in_slices(brownian):
    frames, positions, _ = brownian(200, 20, side=300, n_axes=3)
    radius = estimate_search_radius(frames, positions)
    slices = positions / np.array([5, 1, 1])
    assert estimate_search_radius(frames, slices, z_scale=5) == pytest.approx(radius)


def test_directed_motion_is_covered_too():
    rng = np.random.default_rng(0)
    n, frames = 100, np.arange(10)
    angle = rng.uniform(0, 2 * np.pi, n)
    paths = rng.uniform(0, 512, (n, 2)) + 6.0 * frames[:, None, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert 6 < estimate_search_radius(np.repeat(frames, n), paths.reshape(-1, 2)) <= 13


def test_clusters_are_not_taken_for_motion():
    # Immobile particles of .1 px localisation error, in clumps where neighbours are 6 px apart.
    rng = np.random.default_rng(0)
    clumps = rng.uniform(0, 512, (20, 1, 2)) + 6 * np.stack(np.mgrid[:3, :3], axis=-1).reshape(1, 9, 2)
    positions = clumps.reshape(1, -1, 2) + rng.normal(0, 0.1, (10, 180, 2))
    assert estimate_search_radius(np.repeat(np.arange(10), 180), positions.reshape(-1, 2)) < 3


def test_immobile_particles_get_one_pixel():
    positions = np.tile([[0, 0], [50, 50], [80, 10.0]], (5, 1))
    assert estimate_search_radius(np.repeat(np.arange(5), 3), positions) == 1


def test_a_long_movie_is_judged_by_some_of_its_frames(brownian, monkeypatch):
    frames, positions, _ = brownian(100, 100, side=300)
    whole = estimate_search_radius(frames, positions)
    monkeypatch.setattr(module, "MOST_SPOTS", 2000)
    part = estimate_search_radius(frames, positions)
    assert part != whole
    assert part == pytest.approx(whole, rel=0.1)


@pytest.mark.parametrize("n_spots", [5, 50, 500])
def test_spots_without_particles_say_so(n_spots):
    positions = np.random.default_rng(0).uniform(0, 512, (20 * n_spots, 2))
    with pytest.raises(TrackingError, match="no nearer to one another than by chance: give --search-radius"):
        estimate_search_radius(np.repeat(np.arange(20), n_spots), positions)


def test_frames_that_never_follow_one_another():
    with pytest.raises(TrackingError, match="no two successive frames have spots: give --search-radius"):
        estimate_search_radius(np.array([0, 2, 4]), np.zeros((3, 2)))


def test_all_spots_in_one_place():
    with pytest.raises(TrackingError, match="give --search-radius"):
        estimate_search_radius(np.repeat(np.arange(3), 2), np.zeros((6, 2)))


@pytest.mark.parametrize("n_spots", [0.5, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_lone_noise_gets_no_more_than_half_the_field(n_spots, seed):
    # Without neighbours nothing tells noise from motion, and 95 percent of the pairs are nearer than 120 px.
    rng = np.random.default_rng(seed)
    counts = rng.poisson(n_spots, 100)
    radius = estimate_search_radius(np.repeat(np.arange(100), counts), rng.uniform(0, 128, (counts.sum(), 2)))
    assert 60 < radius <= 128 / np.sqrt(2)


def test_no_farther_than_spots_are_apart():
    # Four particles at the corners of a square of 100 px move by 40 px: twice that is beyond their mean distance.
    corners = np.array([[0, 0], [0, 100], [100, 0], [100, 100.0]])
    radius = estimate_search_radius(np.repeat([0, 1], 4), np.concatenate([corners, corners + np.array([0, 40])]))
    assert radius == pytest.approx(np.hypot(100, 140) / np.sqrt(2 * 4))


@pytest.mark.parametrize("seed", range(5))
def test_a_particle_that_jitters_about_one_place_is_held(seed):
    positions = np.random.default_rng(seed).normal(50, 2, (30, 2))
    assert link(np.arange(30), positions, LinkingOptions()).particle.tolist() == [0] * 30
