from types import SimpleNamespace

import pytest
import torch
from monai.networks import eval_mode

from tracking.dpht.chosen_links import chosen_links
from tracking.dpht.learn import losses
from tracking.dpht.lesson_dataset import LessonDataset
from tracking.dpht.network import TrackNetwork
from tracking.dpht.scoring_step import ScoringStep
from tracking.errors import TrackingError


def test_it_gives_the_losses_and_the_links_and_learns_nothing() -> None:
    torch.manual_seed(0)
    network = TrackNetwork(hidden=8)
    lesson = next(iter(LessonDataset(1, n_movies=2, n_frames=6, n_particles=8.0)))
    before = {name: one.clone() for name, one in network.state_dict().items()}
    engine = SimpleNamespace(network=network, mode=eval_mode)

    said = ScoringStep(depth=2, width=1)(engine, lesson)
    expected = losses(network, lesson, depth=2, width=1)
    for name in ("links", "future", "expected", "real", "right"):
        assert said[name] == pytest.approx(float(getattr(expected, name)), rel=1e-5)
    assert said.keys() == {"links", "future", "expected", "real", "right"}

    with_links = ScoringStep(depth=2, width=1, with_links=True)(engine, lesson)
    for mine, theirs in zip(
        (with_links["probability"], with_links["is_right"]),
        chosen_links(network, lesson, depth=2, width=1),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)
    assert all(torch.equal(one, before[name]) for name, one in network.state_dict().items())
    assert all(one.grad is None for one in network.parameters())


@pytest.mark.parametrize("options", [{"depth": 99}, {"depth": 0}, {"depth": None}, {"width": -1}])
def test_options_out_of_range_are_refused_at_once(options: dict[str, int]) -> None:
    with pytest.raises(TrackingError, match=f"`{next(iter(options))}` must be a whole number"):
        ScoringStep(**options)
