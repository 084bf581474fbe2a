import logging

import numpy as np
import pandas as pd
import pytest
import trackpy
from trackpy.predict import NearestVelocityPredict

from tracking.errors import TrackingError
from tracking.linking import LinkingOptions, link


@pytest.fixture
def quiet(monkeypatch):
    monkeypatch.setattr(trackpy.logger, "level", logging.WARNING)


def same_partition(one, other):
    pairs = set(zip(one, other, strict=True))
    return len(pairs) == len(set(one)) == len(set(other))


def table_of(frames, positions):
    return pd.DataFrame(positions, columns=["z", "y", "x"][-positions.shape[1] :]).assign(frame=frames)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("n_axes", [2, 3])
@pytest.mark.parametrize("max_gap", [0, 1, 3])
@pytest.mark.parametrize(("method", "adaptive"), [("trackpy", {}), ("trackpy-adaptive", {"adaptive_stop": 1.0})])
def test_particles_are_those_of_trackpy(brownian, n_axes, max_gap, method, adaptive):
    frames, positions, _ = brownian(60, 30, missed=0.1, side=200 if n_axes == 2 else 60, n_axes=n_axes)
    options = LinkingOptions(method=method, search_radius=8, max_gap=max_gap, **adaptive)
    peer = trackpy.link(table_of(frames, positions), 8, memory=max_gap, **adaptive)
    assert same_partition(link(frames, positions, options).particle, peer["particle"])


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("max_gap", [0, 2])
def test_velocity_is_predicted_as_by_trackpy(brownian, max_gap):
    frames, positions, truth = brownian(40, 20, missed=0.1, step=0.5)
    positions = positions + frames[:, None] * np.array([9.0, 4.0])
    options = LinkingOptions(method="trackpy-velocity", search_radius=10.5, max_gap=max_gap)
    particle = link(frames, positions, options).particle
    peer = NearestVelocityPredict().link_df(table_of(frames, positions), 10.5, memory=max_gap)
    assert same_partition(particle, peer["particle"])
    # All go one way, farther in a frame than to the next particle: only with prediction are they found again.
    assert len(set(zip(particle, truth, strict=True))) < 1.5 * len(set(particle))


@pytest.mark.parametrize("method", ["trackpy", "trackpy-adaptive", "trackpy-velocity"])
class TestFramesWithFewSpots:
    def test_count_for_the_memory(self, drawn, names, method):
        frames, positions, letters = drawn("""
            aa..aa
        """)
        for max_gap, expected in ((0, ["aa", "aa"]), (1, ["aa", "aa"]), (2, ["aaaa"])):
            options = LinkingOptions(method=method, search_radius=5, max_gap=max_gap)
            assert names(link(frames, positions, options), letters) == expected

    def test_a_thousand_million_of_them_take_no_time(self, method):
        frames, positions = np.array([0, 1, 10**9, 10**9 + 1]), np.zeros((4, 2))
        options = LinkingOptions(method=method, search_radius=5, max_gap=5)
        assert link(frames, positions, options).particle.tolist() == [0, 0, 1, 1]

    @pytest.mark.filterwarnings("error:Could not generate velocity field")
    def test_one_spot_a_frame_that_is_never_near_the_last(self, method):
        frames, positions = np.arange(6), 100.0 * np.arange(12).reshape(6, 2)
        options = LinkingOptions(method=method, search_radius=5)
        assert link(frames, positions, options).particle.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_crowd_is_one_sentence_that_says_what_to_do():
    positions = np.random.default_rng(0).uniform(0, 5, (80, 2))
    frames = np.repeat([0, 1], 40)
    for method in ("trackpy", "trackpy-velocity"):
        with pytest.raises(TrackingError, match=r"gives up in frame 1.*--search-radius 6 .*trackpy-adaptive or lap"):
            link(frames, positions, LinkingOptions(method=method, search_radius=6))
    assert link(frames, positions, LinkingOptions(method="trackpy-adaptive", search_radius=6)).particle.max() < 80
    with pytest.raises(TrackingError, match="choose a smaller one, or link with lap"):
        link(frames, positions, LinkingOptions(method="trackpy-adaptive", search_radius=6, adaptive_stop=5.9))
    assert link(frames, positions, LinkingOptions(search_radius=6)).particle.max() < 80


def test_nothing_is_printed_and_no_setting_of_trackpy_changes(capsys, drawn):
    frames, positions, _ = drawn("aaaa")
    before = trackpy.logger.level, trackpy.logger.handlers.copy()
    for method in ("trackpy", "trackpy-adaptive", "trackpy-velocity"):
        link(frames, positions, LinkingOptions(method=method, search_radius=5))
    assert capsys.readouterr() == ("", "")
    assert (trackpy.logger.level, trackpy.logger.handlers) == before
