from typing import TYPE_CHECKING, Any

from tracking.dpht.chosen_links import chosen_links
from tracking.dpht.learn import losses
from tracking.dpht.loss_numbers import loss_numbers
from tracking.dpht.require_search import require_search
from tracking.dpht.stream import Lesson

if TYPE_CHECKING:
    from monai.engines import SupervisedEvaluator


class ScoringStep:
    """What the network is worth on one lesson: what MONAI's evaluator takes as ``iteration_update``.

    Args:
        depth: As `link_recurrent` takes it.
        width: As `link_recurrent` takes it.
        with_links: Give the links and their probabilities too, at twice the time.

    Raises:
        TrackingError: ``depth`` or ``width`` is out of range.
    """

    def __init__(self, depth: int = 3, width: int = 1, with_links: bool = False) -> None:
        require_search(depth, width)
        self.depth, self.width, self.with_links = depth, width, with_links

    def __call__(self, engine: "SupervisedEvaluator", lesson: Lesson) -> dict[str, Any]:
        """The losses by name, and with links those of `chosen_links`: ``probability`` and ``is_right``."""
        with engine.mode(engine.network):
            scores: dict[str, Any] = loss_numbers(losses(engine.network, lesson, depth=self.depth, width=self.width))
            if self.with_links:
                scores["probability"], scores["is_right"] = chosen_links(
                    engine.network, lesson, depth=self.depth, width=self.width
                )
        return scores
