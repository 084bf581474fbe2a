from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_

from tracking.dpht.learn import losses
from tracking.dpht.loss_numbers import loss_numbers
from tracking.dpht.stream import Lesson

if TYPE_CHECKING:
    from monai.engines import SupervisedTrainer

# How often a lesson is tracked with each depth and each width, so that one set of weights serves all of them.
DEPTH_SHARES: Mapping[int, float] = {1: 0.05, 2: 0.06, 3: 0.55, 4: 0.10, 5: 0.07, 6: 0.07, 8: 0.10}
WIDTH_SHARES: Mapping[int, float] = {0: 0.06, 1: 0.08, 2: 0.08, 3: 0.78}


class LearningStep:
    """One step of training on one lesson: what MONAI's trainer takes as ``iteration_update``.

    Depth and width are drawn by the seed and the number of the iteration alone, so that a training that is resumed
    draws what one in a single go would.

    Args:
        seed: Of the depths and widths, not negative.
        longest_gradient: Longer ones are cut to this length; a step with one that is not finite is left out.
    """

    def __init__(self, seed: int = 0, longest_gradient: float = 1.0) -> None:
        self.seed, self.longest_gradient = seed, longest_gradient

    def __call__(self, engine: "SupervisedTrainer", lesson: Lesson) -> dict[str, float]:
        """The step's losses in nats, the share of spots with the right predecessor, and whether it was left out."""
        depth, width = self.search(engine.state.iteration)
        engine.network.train()
        answer = losses(engine.network, lesson, depth=depth, width=width)
        loss = answer.total()
        engine.optimizer.zero_grad()
        torch.autograd.backward(loss)
        is_finite = bool(torch.isfinite(clip_grad_norm_(engine.network.parameters(), self.longest_gradient)))
        if is_finite:
            engine.optimizer.step()
        return {"loss": float(loss.detach()), **loss_numbers(answer), "left_out": float(not is_finite)}

    def search(self, iteration: int) -> tuple[int, int]:
        """Depth and width of an iteration's search."""
        rng = np.random.default_rng([self.seed, iteration])
        depth, width = (
            int(rng.choice(list(shares), p=list(shares.values()))) for shares in (DEPTH_SHARES, WIDTH_SHARES)
        )
        return depth, width
