import pytest
import torch
from torch.nn.functional import binary_cross_entropy

from medseg.losses.foreground_distance import ForegroundDistanceLoss


@pytest.fixture
def targets():
    distance = torch.zeros(1, 6, 6)
    distance[0, 1:5, 1:5] = 0.3
    distance[0, 2:4, 2:4] = 1.0
    return torch.stack([(distance > 0).float(), distance], dim=1)


def test_it_is_the_sum_of_its_parts(targets):
    torch.manual_seed(0)
    logits = torch.randn_like(targets)
    share = logits.sigmoid()
    entropy = [binary_cross_entropy(share[:, i], targets[:, i]) for i in (0, 1)]
    overlap = (share[:, 0] * targets[:, 0]).sum()
    dice = 1 - (2 * overlap + 1e-5) / (share[:, 0].sum() + targets[:, 0].sum() + 1e-5)
    expected = entropy[0] + dice + 3 * entropy[1]
    assert ForegroundDistanceLoss(distance_weight=3)(logits, targets) == pytest.approx(float(expected), abs=1e-5)


def test_no_distance_is_better_than_the_true_one(targets):
    logits = torch.logit(targets, eps=1e-4)
    loss = ForegroundDistanceLoss()
    best = loss(logits, targets)
    for change in (-0.5, 0.5):
        other = logits.clone()
        other[:, 1] += change
        assert loss(other, targets) > best


def test_its_gradient_reaches_both_channels(targets):
    logits = torch.zeros_like(targets, requires_grad=True)
    ForegroundDistanceLoss()(logits, targets).backward()
    assert (logits.grad.abs().sum(dim=(0, 2, 3)) > 0).all()


def test_bad_arguments_are_named(targets):
    with pytest.raises(ValueError, match="negative"):
        ForegroundDistanceLoss(-1)
    with pytest.raises(ValueError, match="one shape and two channels"):
        ForegroundDistanceLoss()(targets[:, :1], targets[:, :1])
