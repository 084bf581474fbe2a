from monai.losses import DiceLoss
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits


class ForegroundDistanceLoss(nn.Module):
    """Loss of a network that finds objects: cross-entropy and Dice of the foreground, cross-entropy of the distance.

    The distance of a pixel to the edge of its object lies between 0 and 1, and so does its sigmoid: cross-entropy with
    a soft target has its least value where both are equal.

    Args:
        distance_weight: Weight of the distance beside the foreground's two parts.

    Raises:
        ValueError: The weight is negative.
    """

    def __init__(self, distance_weight: float = 2.0) -> None:
        super().__init__()
        if distance_weight < 0:
            raise ValueError(f"`distance_weight` must not be negative, got {distance_weight}")
        self.distance_weight = distance_weight
        self.dice = DiceLoss(sigmoid=True, batch=True)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss, a number of 0 or more.

        Args:
            logits: Of foreground and distance, ``(B, 2, H, W[, D])``.
            targets: What ``instance_targets`` gives, same shape.

        Raises:
            ValueError: The shapes are not those.
        """
        if logits.shape != targets.shape or logits.shape[1] != 2:
            raise ValueError(
                f"`logits` and `targets` must have one shape and two channels, got {tuple(logits.shape)}, "
                f"{tuple(targets.shape)}"
            )
        targets = targets.to(logits.dtype)
        entropy = binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(
            dim=(0, *range(2, logits.dim()))
        )
        loss: Tensor = entropy[0] + self.dice(logits[:, :1], targets[:, :1]) + self.distance_weight * entropy[1]
        return loss
