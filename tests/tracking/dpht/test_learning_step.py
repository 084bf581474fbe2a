from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tracking.dpht.learn import losses
from tracking.dpht.learning_step import DEPTH_SHARES, WIDTH_SHARES, LearningStep
from tracking.dpht.lesson_dataset import LessonDataset
from tracking.dpht.network import TrackNetwork
from tracking.dpht.stream import Lesson


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    return next(iter(LessonDataset(1, n_movies=2, n_frames=6, n_particles=8.0)))


def engine(network: TrackNetwork, rate: float = 1.0, iteration: int = 1) -> SimpleNamespace:
    """What a step needs of MONAI's trainer."""
    optimizer = torch.optim.SGD(network.parameters(), rate)
    return SimpleNamespace(network=network, optimizer=optimizer, state=SimpleNamespace(iteration=iteration))


def weights(network: TrackNetwork) -> torch.Tensor:
    return torch.cat([one.detach().flatten() for one in network.parameters()])


def small_network() -> TrackNetwork:
    torch.manual_seed(0)
    return TrackNetwork(hidden=8)


def test_a_step_goes_down_the_gradient_that_is_cut_to_its_longest(lesson: Lesson) -> None:
    network, twin = small_network(), small_network()
    step = LearningStep(longest_gradient=0.5)
    before = weights(network)
    said = step(engine(network), lesson)
    moved = weights(network) - before
    depth, width = step.search(1)
    expected = losses(twin, lesson, depth=depth, width=width)
    expected.total().backward()
    gradient = torch.cat(
        [torch.zeros(one.numel()) if one.grad is None else one.grad.flatten() for one in twin.parameters()]
    )
    assert gradient.norm() > 0.5
    torch.testing.assert_close(moved, -0.5 * gradient / gradient.norm(), rtol=1e-3, atol=1e-6)
    assert said["loss"] == pytest.approx(float(expected.total()))
    assert said["links"] == pytest.approx(float(expected.links))
    assert said["right"] == expected.right
    assert said["left_out"] == 0


def test_a_step_that_is_not_finite_is_left_out(lesson: Lesson) -> None:
    network = small_network()
    broken = lesson.ahead.copy()
    broken[lesson.is_ahead] = np.nan
    before = weights(network)
    said = LearningStep()(engine(network), SimpleNamespace(**{**vars(lesson), "ahead": broken}))
    assert said["left_out"] == 1
    assert torch.equal(weights(network), before)


def test_some_steps_on_one_lesson_make_its_links_more_probable(lesson: Lesson) -> None:
    network, step = small_network(), LearningStep()
    trainer = engine(network)
    trainer.optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
    before = losses(network, lesson, depth=3, width=3).total()
    for iteration in range(8):
        trainer.state.iteration = iteration
        step(trainer, lesson)
    assert losses(network, lesson, depth=3, width=3).total() < before - 0.1


def test_searches_hang_on_seed_and_iteration_alone_and_vary_as_they_should() -> None:
    drawn = [LearningStep(seed=1).search(number) for number in range(3000)]
    assert drawn[700:710] == [LearningStep(seed=1).search(number) for number in range(700, 710)]
    assert drawn[:50] != [LearningStep(seed=2).search(number) for number in range(50)]
    for shares, found in zip((DEPTH_SHARES, WIDTH_SHARES), map(Counter, zip(*drawn, strict=True)), strict=True):
        assert sum(shares.values()) == pytest.approx(1)
        for value, share in shares.items():
            # Three standard deviations and a half of what chance does to 3000 draws.
            assert found[value] / 3000 == pytest.approx(share, abs=3.5 * (share * (1 - share) / 3000) ** 0.5)
