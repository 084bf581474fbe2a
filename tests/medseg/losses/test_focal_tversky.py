import pytest
import torch
from monai.losses import DiceLoss, TverskyLoss

from medseg.losses.focal_tversky import FocalTverskyLoss


@pytest.fixture
def logits_and_label():
    torch.manual_seed(0)
    return torch.randn(2, 3, 8, 9, dtype=torch.float64), torch.randint(0, 3, (2, 1, 8, 9))


def test_with_an_exponent_of_one_it_is_the_tversky_loss_with_the_roles_named(logits_and_label):
    logits, label = logits_and_label
    # MONAI's alpha weighs what is claimed falsely, its beta what is missed.
    reference = TverskyLoss(softmax=True, to_onehot_y=True, alpha=0.2, beta=0.8)
    ours = FocalTverskyLoss(missed_weight=0.8, false_weight=0.2, exponent=1)
    assert ours(logits, label) == pytest.approx(float(reference(logits, label)), abs=1e-5)


def test_with_equal_weights_it_is_the_dice_loss(logits_and_label):
    logits, label = logits_and_label
    ours = FocalTverskyLoss(0.5, 0.5, exponent=1, include_background=False)
    reference = DiceLoss(softmax=True, to_onehot_y=True, include_background=False)
    assert ours(logits, label) == pytest.approx(float(reference(logits, label)), abs=1e-5)


def test_a_missed_structure_costs_more_than_a_false_one_of_the_same_size():
    label = torch.zeros(1, 1, 4, 8)
    label[..., 2:6] = 1
    fewer, more = label.clone(), label.clone()
    fewer[..., 2:4] = 0
    more[..., 6:8] = 1
    loss = FocalTverskyLoss()
    missed, false = (loss(60 * mask - 30, label) for mask in (fewer, more))
    # Half missed: TP 8, FN 8; as much too much: TP 16, FP 8.
    assert missed == pytest.approx((1 - 8 / (8 + 0.7 * 8)) ** 0.75, abs=1e-4)
    assert false == pytest.approx((1 - 16 / (16 + 0.3 * 8)) ** 0.75, abs=1e-4)


def test_the_gradient_stays_finite_where_all_is_right():
    label = torch.ones(1, 1, 4, 4)
    logits = torch.full((1, 1, 4, 4), 50.0, requires_grad=True)
    FocalTverskyLoss()(logits, label).backward()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("options", [{"missed_weight": -1}, {"missed_weight": 0, "false_weight": 0}, {"exponent": 0}])
def test_impossible_options_are_refused(options):
    with pytest.raises(ValueError, match="got"):
        FocalTverskyLoss(**options)


def test_a_label_of_another_shape_is_refused(logits_and_label):
    logits, label = logits_and_label
    with pytest.raises(ValueError, match="one channel"):
        FocalTverskyLoss()(logits, label[:, 0])
