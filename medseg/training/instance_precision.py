import math
from typing import Any

import numpy as np
import torch
from monai.metrics import CumulativeIterationMetric
from monai.metrics.utils import do_metric_reduction

from medseg.metrics.instance import average_precision, count_matches, match_instances


class InstancePrecision(CumulativeIterationMetric):
    """Mean over images of TP / (TP + FP + FN) of objects, as the key metric of a training.

    See ``medseg.metrics.average_precision``. Images without an object, found or true, do not count.

    Args:
        threshold: Of the intersection over union from which two objects match.
    """

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__()
        self.threshold = threshold

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor | None = None, **_: Any) -> torch.Tensor:
        """The measure of every image: predicted and true objects ``(B, 1, H, W[, D])`` to ``(B, 1)``."""
        if y is None:
            raise ValueError("`y`, the true objects, must be given")
        return torch.tensor([[self._of(found[0], true[0])] for found, true in zip(y_pred, y, strict=True)])

    def _of(self, found: torch.Tensor, true: torch.Tensor) -> float:
        overlaps = match_instances(*(np.asarray(part.cpu()).astype(np.int64) for part in (found, true)))
        precision = average_precision(count_matches(overlaps, self.threshold), *overlaps.iou.shape)
        return math.nan if precision is None else precision

    def aggregate(self, reduction: str = "mean") -> torch.Tensor:
        """The mean over all images since the last reset.

        Raises:
            ValueError: There was none.
        """
        values = self.get_buffer()
        if not isinstance(values, torch.Tensor):
            raise ValueError("there is no image to average over")
        mean: torch.Tensor = do_metric_reduction(values, reduction)[0]
        return mean
