import subprocess
import sys

import numpy as np
import pytest

from tracking.dpht.cell import MAX_STEP
from tracking.dpht.recurrent_links import RecurrentLinks
from tracking.linking import LinkingOptions, link


@pytest.fixture
def missed(brownian):
    """Particles that are often missed: frames, positions (z, y, x) in pixels."""
    frames, positions, _ = brownian(12, 14, step=1.5, side=60.0, missed=0.3, n_axes=3, seed=2)
    return frames, positions


def options(**values):
    return LinkingOptions(method="recurrent", search_radius=6, **values)


def missing_places(linking, frames):
    """Frame and particle of every place inside a particle's gaps, by plain counting."""
    places = []
    for particle in range(linking.particle.max() + 1):
        own = frames[linking.particle == particle]
        places += [(frame, particle) for frame in range(own[0], own[-1]) if frame not in own]
    return sorted(places)


def test_without_a_network_it_is_refused(missed):
    with pytest.raises(ValueError, match="the method recurrent needs a `network`"):
        link(*missed, options())


@pytest.mark.parametrize("hypotheses", [0, 1, 8])
@pytest.mark.parametrize("max_gap", [0, 1, 5])
def test_every_gap_has_its_expected_places_and_every_spot_its_probability(missed, untrained, max_gap, hypotheses):
    frames, positions = missed
    linked = link(frames, positions, options(max_gap=max_gap, hypotheses=hypotheses), untrained)

    gaps = linked.gaps
    assert linked.max_gap == max_gap
    assert sorted(zip(gaps.frame.tolist(), gaps.particle.tolist(), strict=True)) == missing_places(linked, frames)
    assert (len(gaps.frame) > 0) == (max_gap > 0)
    assert np.isfinite(gaps.position).all()
    np.testing.assert_array_equal(gaps.covariance, gaps.covariance.transpose(0, 2, 1))
    assert (np.linalg.eigvalsh(gaps.covariance) > 0).all()
    # The first spot of a particle has no link behind it, every other has one.
    _, first = np.unique(linked.particle, return_index=True)
    assert np.flatnonzero(np.isnan(linked.link_probability)).tolist() == sorted(first.tolist())
    for values in (linked.link_probability, linked.track_probability):
        known = values[~np.isnan(values)]
        assert ((known >= 0) & (known <= 1)).all()
    assert linked.track_probability.shape == (linked.particle.max() + 1,)
    assert linked.parents == {}


def test_how_long_gaps_may_be_is_found_out_if_it_is_not_given(missed, untrained):
    frames, _ = missed
    linked = link(*missed, options(), untrained)
    assert 2 <= linked.max_gap <= MAX_STEP - 1
    for particle in range(linked.particle.max() + 1):
        assert (np.diff(frames[linked.particle == particle]) <= linked.max_gap + 1).all()


def test_the_unit_of_z_changes_nothing_but_the_numbers(missed, untrained):
    frames, positions = missed
    slices = positions / [4.0, 1, 1]
    in_pixels = link(frames, positions, options(), untrained)
    in_slices = link(frames, slices, options(z_scale=4.0), untrained)

    np.testing.assert_array_equal(in_slices.particle, in_pixels.particle)
    np.testing.assert_allclose(in_slices.gaps.position * [4.0, 1, 1], in_pixels.gaps.position, rtol=1e-4, atol=1e-3)
    unit = np.outer([4.0, 1, 1], [4.0, 1, 1])
    np.testing.assert_allclose(in_slices.gaps.covariance * unit, in_pixels.gaps.covariance, rtol=1e-3, atol=1e-4)


def test_frames_are_numbered_as_they_were(brownian, untrained):
    #  frames  7 8 ... 12 . . . . 1007 ... 1012      a pause that no gap bridges
    frames, positions, _ = brownian(15, 12, step=1.5, side=80.0, missed=0.3, seed=4)
    frames = np.where(frames < 6, 7 + frames, 1001 + frames)
    linked = link(frames, positions, options(), untrained)

    gaps = linked.gaps
    assert sorted(zip(gaps.frame.tolist(), gaps.particle.tolist(), strict=True)) == missing_places(linked, frames)
    assert (gaps.frame < 13).any()
    assert (gaps.frame > 1006).any()


def test_the_density_is_that_of_spots_within_one_displacement(brownian, untrained):
    frames, positions, _ = brownian(30, 20)
    linked = link(frames, positions, options(), untrained)
    assert linked.scale > 0
    # Twenty frames of thirty spots in a square of 200 pixels, of which the spots nearly fill the bounding box.
    assert linked.density == pytest.approx(30 * np.pi * linked.scale**2 / 200**2, rel=0.05)


def test_spots_that_tell_no_radius_are_tried_all_the_same(untrained):
    positions = np.random.default_rng(0).uniform(0, 512, (200, 2))
    linked = link(np.repeat(np.arange(20), 10), positions, LinkingOptions(method="recurrent"), untrained)
    # The mean distance between ten spots.
    assert linked.search_radius == pytest.approx(512 / np.sqrt(10), rel=0.05)


@pytest.mark.parametrize("radius", [1e-300, 1e6, 1e300])
@pytest.mark.parametrize("spread", [0.0, 1.0, 1e9])
def test_absurd_radii_and_places(untrained, radius, spread):
    frames = np.repeat(np.arange(6), 3)
    positions = spread * np.random.default_rng(0).uniform(0, 1, (18, 2))
    linked = link(frames, positions, LinkingOptions(method="recurrent", search_radius=radius), untrained)
    assert linked.particle.shape == (18,)
    assert np.isfinite(linked.gaps.position).all()


def test_a_nearly_empty_movie_says_that_nothing_is_known(untrained):
    linked = link(np.array([0, 4]), np.zeros((2, 2)), LinkingOptions(method="recurrent"), untrained)
    for values in (linked.link_probability, linked.track_probability):
        assert np.isnan(values).tolist() == [True, True]
    assert linked.gaps.position.shape == (0, 2)
    assert np.isnan([linked.scale, linked.density]).all()


def test_the_other_methods_load_no_torch_and_tell_no_probability():
    script = """
import sys, numpy as np
import tracking.track_movie
from tracking.linking import LinkingOptions, link
linked = link(np.array([0, 1]), np.zeros((2, 2)), LinkingOptions(search_radius=1))
print(linked.link_probability, linked.gaps, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "None", "False"]


def test_where_tracks_merge_the_least_sure_of_them_counts(untrained, monkeypatch):
    #  t=0 1 2
    #    0 2 4      3 merges into 4, with a probability of .55
    #    1 3   5    and 5 splits off 2, with .7
    links = RecurrentLinks(
        source=np.array([-1, -1, 0, 1, 2, -1]),
        link_probability=np.array([np.nan, np.nan, 0.9, 0.8, 0.97, np.nan]),
        existence=np.ones(6),
        real=np.ones(6),
        gap_frame=np.empty(0, int),
        gap_spot=np.empty(0, int),
        gap_position=np.empty((0, 2)),
        gap_covariance=np.empty((0, 2, 2)),
        scale=1.0,
        depth=3,
        context=np.zeros(8),
        branches=np.array([[3, 4], [2, 5]]),
        branch_probability=np.array([0.55, 0.7]),
    )
    monkeypatch.setattr("tracking.linking.recurrent.link_recurrent", lambda *_, **__: links)
    frames, positions = np.repeat([0, 1, 2], 2), np.random.default_rng(0).uniform(0, 9, (6, 2))
    linked = link(frames, positions, options(splitting=True, merging=True), untrained)
    particle = linked.particle
    assert set(linked.parents[particle[4]]) == {particle[2], particle[3]}
    assert linked.parents[particle[5]] == (particle[2],)
    np.testing.assert_array_equal(linked.link_probability, [np.nan, np.nan, 0.9, 0.8, 0.55, 0.7])
