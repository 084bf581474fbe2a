import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

_SMOOTH = 1e-5


class FocalTverskyLoss(nn.Module):
    """Mean over classes of ``(1 - Tversky index) ** exponent``, for logits.

    The Tversky index of a class is ``TP / (TP + missed_weight * FN + false_weight * FP)`` with soft counts: FN is what
    was missed, FP what was claimed falsely. At weights of a half each it is the soft Dice. (MONAI's ``TverskyLoss``
    calls the weight of FP alpha and that of FN beta, and has no exponent.)

    Args:
        missed_weight: Weight of false negatives; above ``false_weight`` for structures that must not be missed.
        false_weight: Weight of false positives.
        exponent: Below 1, classes that are nearly right still count; 1 for the Tversky loss.
        include_background: Whether class 0 counts; without it there must be two classes or more.

    Raises:
        ValueError: A weight is negative, both are 0, or the exponent is not positive.

    Source: Abraham and Khan 2019, arXiv:1810.07842. The exponent applies as in their code: .75 is their 1 / (4/3).
    """

    def __init__(
        self,
        missed_weight: float = 0.7,
        false_weight: float = 0.3,
        exponent: float = 0.75,
        *,
        include_background: bool = True,
    ) -> None:
        super().__init__()
        if min(missed_weight, false_weight) < 0 or missed_weight + false_weight == 0:
            raise ValueError(f"weights must not be negative, nor both 0, got {missed_weight} and {false_weight}")
        if not exponent > 0:
            raise ValueError(f"`exponent` must be positive, got {exponent}")
        self.missed_weight, self.false_weight, self.exponent = missed_weight, false_weight, exponent
        self.include_background = include_background

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        """The loss, a number from 0 to 1.

        Args:
            logits: ``(B, C, H, W[, D])``; with one channel of a binary mask, else of classes that exclude each other.
            label: Class of every pixel, whole numbers, ``(B, 1, H, W[, D])``.

        Raises:
            ValueError: Shapes do not fit.
        """
        n = logits.shape[1]
        if label.shape != (logits.shape[0], 1, *logits.shape[2:]):
            raise ValueError(f"`label` must have the shape of `logits` with one channel, got {tuple(label.shape)}")
        if n == 1:
            share, truth = logits.sigmoid(), label.to(logits.dtype)
        else:
            share = logits.softmax(dim=1)
            truth = one_hot(label[:, 0].long(), n).movedim(-1, 1).to(logits.dtype)
            if not self.include_background:
                share, truth = share[:, 1:], truth[:, 1:]
        axes = list(range(2, logits.dim()))
        right = (share * truth).sum(axes)
        missed, false = truth.sum(axes) - right, share.sum(axes) - right
        index = (right + _SMOOTH) / (right + self.missed_weight * missed + self.false_weight * false + _SMOOTH)
        # Its slope is endless at 0 where the exponent is below 1.
        return torch.mean((1 - index).clamp(min=_SMOOTH) ** self.exponent)
