"""One drawing a rule: a column is a frame, and a row is 10 pixels."""

import numpy as np
import pytest

from tracking.errors import TrackingError
from tracking.linking import LinkingOptions, link
from tracking.linking import segments as module


def test_a_gap_is_closed_up_to_its_greatest_length(drawn, names):
    frames, positions, letters = drawn("""
        aa.aa
        .....
        .....
        bb..b
    """)
    for max_gap, expected in ((0, ["aa", "bb", "aa", "b"]), (1, ["aaaa", "bb", "b"]), (2, ["aaaa", "bbb"])):
        options = LinkingOptions(search_radius=10, max_gap=max_gap)
        assert names(link(frames, positions, options), letters) == expected


def test_gaps_have_a_radius_of_their_own(drawn, names):
    frames, positions, letters = drawn("""
        aa..
        ....
        ...a
    """)
    for radius, expected in ((None, ["aa", "a"]), (20, ["aaa"])):
        options = LinkingOptions(search_radius=12, max_gap=1, gap_radius=radius)
        assert names(link(frames, positions, options), letters) == expected


def test_gaps_are_weighed_against_each_other(drawn, names):
    # The end of b is nearest to where a begins again, which would leave 50 for the other two.
    frames, positions, letters = drawn("""
        aa...
        .....
        ...aa
        bb...
        .....
        ...bb
    """)
    assert names(link(frames, positions, LinkingOptions(search_radius=50)), letters) == ["aaaa", "bbbb"]


def test_a_spot_that_stands_alone_bridges_gaps_but_neither_merges_nor_splits_off(drawn, names):
    frames, positions, letters = drawn("""
        aa.a.aa
    """)
    assert names(link(frames, positions, LinkingOptions(search_radius=10)), letters) == ["aaaaa"]
    for beside in (".b..", "..b."):
        frames, positions, letters = drawn("aaaa\n" + beside)
        options = LinkingOptions(search_radius=10, max_gap=0, merging=True, splitting=True)
        linked = link(frames, positions, options)
        assert names(linked, letters) == ["aaaa", "b"]
        assert linked.parents == {}


def test_two_particles_merge_into_a_third(drawn, names):
    frames, positions, letters = drawn("""
        aaacc
        bb...
    """)
    linked = link(frames, positions, LinkingOptions(search_radius=11, max_gap=0, merging=True))
    # b is gone at t=2 and its partner goes on: it merges with a there, and what goes on is a new particle.
    assert names(linked, letters) == ["aa", "bb", "acc"]
    assert linked.parents == {2: (0, 1)}
    apart = link(frames, positions, LinkingOptions(search_radius=11, max_gap=0))
    assert names(apart, letters) == ["aaacc", "bb"]
    assert apart.parents == {}


def test_one_particle_splits_into_two(drawn, names):
    frames, positions, letters = drawn("""
        aabbb
        ...cc
    """)
    linked = link(frames, positions, LinkingOptions(search_radius=11, max_gap=0, splitting=True))
    assert names(linked, letters) == ["aab", "bb", "cc"]
    assert linked.parents == {1: (0,), 2: (0,)}


def test_merging_and_splitting_have_radii_of_their_own(drawn):
    frames, positions, _ = drawn("""
        aaaaaa
        ......
        bb..cc
    """)
    options = {"search_radius": 10, "max_gap": 0, "merging": True, "splitting": True}
    assert link(frames, positions, LinkingOptions(**options)).parents == {}
    assert len(link(frames, positions, LinkingOptions(**options, merging_radius=20)).parents) == 1
    assert len(link(frames, positions, LinkingOptions(**options, splitting_radius=20)).parents) == 2
    assert len(link(frames, positions, LinkingOptions(**options, merging_radius=20, splitting_radius=20)).parents) == 3


def test_only_a_middle_spot_is_merged_into(drawn, names):
    # At t=2, where b could merge, a begins or ends: that is no middle.
    for text, expected in (("..aaa\nbb...", ["bb", "aaa"]), ("aaa..\nbb...", ["aaa", "bb"])):
        frames, positions, letters = drawn(text)
        linked = link(frames, positions, LinkingOptions(search_radius=9.9, merging_radius=11, max_gap=0, merging=True))
        assert names(linked, letters) == expected
        assert linked.parents == {}


def test_the_dearest_gaps_are_left_open_below_the_percentile(drawn, names):
    # Ten gaps, the last of which is a jump.
    frames = np.tile([0, 1, 3, 4], 10)
    rows = np.repeat(1000.0 * np.arange(10), 4)
    columns = np.tile([0.0, 0, 2, 2], 10)
    columns[-2:] = 9
    order = np.argsort(frames, kind="stable")
    spots = frames[order], np.stack([rows, columns], axis=1)[order]
    assert link(*spots, LinkingOptions(search_radius=10)).particle.max() + 1 == 10
    assert link(*spots, LinkingOptions(search_radius=10, cutoff_percentile=50)).particle.max() + 1 == 11


def test_gap_closing_finds_particles_again(brownian):
    frames, positions, truth = brownian(50, 60, side=2000, missed=0.08)
    for max_gap, n_least, n_most in ((0, 200, 300), (2, 50, 60)):
        particle = link(frames, positions, LinkingOptions(search_radius=10, max_gap=max_gap)).particle
        assert n_least <= particle.max() + 1 <= n_most
        # Particles are so sparse that none is mixed up.
        assert len(set(zip(particle, truth, strict=True))) <= n_most


def test_more_candidates_than_memory_is_meant_for(monkeypatch):
    monkeypatch.setattr(module, "MOST_CANDIDATES", 3)
    frames, positions = np.repeat([0, 2], 2), np.zeros((4, 2))
    with pytest.raises(TrackingError, match="choose a smaller --max-gap or --search-radius"):
        link(frames, positions, LinkingOptions(search_radius=1))
