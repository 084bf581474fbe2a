from dataclasses import replace

import numpy as np
import pytest
import torch

from tracking.dpht.chosen_links import chosen_links
from tracking.dpht.follow import follow
from tracking.dpht.futures import futures
from tracking.dpht.lesson_dataset import LessonDataset
from tracking.dpht.network import TrackNetwork
from tracking.dpht.stream import Lesson


@pytest.fixture(scope="module")
def network() -> TrackNetwork:
    torch.manual_seed(0)
    return TrackNetwork(hidden=8).eval()


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    return next(iter(LessonDataset(1, n_movies=2, n_frames=6, n_particles=8.0)))


def own_choice(network: TrackNetwork, lesson: Lesson) -> np.ndarray:
    """The next spot of every spot as the network has it."""
    spots, frames = lesson.spots, range(6)
    after = np.full(len(spots.frame), -1)
    with torch.no_grad():
        ahead = futures(spots, network, frames, depth=3, width=3)
        for one in follow(spots, network, ahead, frames, depth=3, window=3):
            linked = np.flatnonzero(one.source >= 0)
            after[one.source[linked]] = linked + one.spots.start
    return after


def test_links_are_right_where_the_truth_says_the_same(network: TrackNetwork, lesson: Lesson) -> None:
    own = own_choice(network, lesson)
    probability, is_right = chosen_links(network, replace(lesson, next_spot=own), depth=3, width=3)
    assert len(probability) == len(is_right) == (own >= 0).sum() > 0
    assert (is_right == 1).all()
    assert ((probability > 0) & (probability <= 1)).all()


def test_each_link_that_the_truth_breaks_is_wrong(network: TrackNetwork, lesson: Lesson) -> None:
    own = own_choice(network, lesson)
    broken = own.copy()
    broken[np.flatnonzero(own >= 0)[:3]] = -1
    _, is_right = chosen_links(network, replace(lesson, next_spot=broken), depth=3, width=3)
    assert (is_right == 0).sum() == 3
    _, none_right = chosen_links(network, replace(lesson, next_spot=np.full(len(own), -1)), depth=3, width=3)
    assert not none_right.any()
