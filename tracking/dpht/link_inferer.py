import math

import numpy as np
import torch
from monai.inferers import Inferer
from torch import Tensor

from tracking.dpht.link_recurrent import link_recurrent
from tracking.dpht.network import TrackNetwork
from tracking.dpht.require_search import require_search
from tracking.errors import TrackingError
from tracking.linking.search_radius import estimate_search_radius, largest_search_radius


class LinkInferer(Inferer):
    """Links the spots of a movie, in the form in which MONAI's evaluators call a network.

    Args:
        depth: As `link_recurrent` takes it.
        width: As `link_recurrent` takes it.
        z_scale: Pixels per slice.

    Raises:
        TrackingError: One of them is out of range.
    """

    def __init__(self, depth: int | None = None, width: int = 1, z_scale: float = 1.0) -> None:
        super().__init__()
        require_search(depth, width, may_choose=True)
        if not (isinstance(z_scale, int | float) and 0 < z_scale < math.inf):
            raise TrackingError(f"`z_scale` must be a positive number, got {z_scale!r}")
        self.depth, self.width, self.z_scale = depth, width, z_scale

    def __call__(self, inputs: Tensor, network: TrackNetwork) -> Tensor:
        """Link spots.

        Args:
            inputs: A row a spot, by ascending frame: frame, x and y in pixels, and z in slices in three dimensions;
                shape ``(n, 3)`` or ``(n, 4)``.
            network: From `load_weights`.

        Returns:
            A row a spot: the row of the spot that its particle was at before, -1 for none; the probability of that
            link, NaN for none; the probability that the particle is seen again; and the probability that the spot is a
            particle and no false detection. float64, shape ``(n, 4)``.

        Raises:
            TrackingError: The shape is another, a number is not finite, or frames are no ascending whole numbers.
        """
        if inputs.ndim != 2 or inputs.shape[1] not in (3, 4) or not torch.isfinite(inputs).all():
            raise TrackingError(f"spots must be finite rows of frame, x, y and perhaps z, got {tuple(inputs.shape)}")
        table = inputs.double().cpu().numpy()
        frames, positions = table[:, 0].astype("int64"), table[:, 1:].copy()
        if (frames != table[:, 0]).any() or (frames[1:] < frames[:-1]).any():
            raise TrackingError("the frames of the spots must be whole numbers in ascending order")
        positions[:, 2:] *= self.z_scale
        scale = _first_guess(frames, positions)
        links = link_recurrent(frames, positions, network, scale=scale, depth=self.depth, width=self.width)
        columns = (links.source, links.link_probability, links.existence, links.real)
        return torch.stack([torch.as_tensor(column, dtype=torch.float64) for column in columns], dim=1)


def _first_guess(frames: np.ndarray, positions: np.ndarray) -> float:
    """How far particles move, in pixels; the tracker finds out where distances alone tell nothing."""
    if not len(frames) or frames[0] == frames[-1]:
        return 1.0
    try:
        return estimate_search_radius(frames, positions)
    except TrackingError:
        return largest_search_radius(frames, positions)
