from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tracking.dpht.follow import Followed
from tracking.dpht.futures import Futures
from tracking.dpht.spots import Spots


@dataclass(frozen=True, eq=False)
class Bridges:
    """Where particles are expected that were missed inside their tracks, one row a place.

    Attributes:
        spot: The spot after the gap, shape ``(g,)``.
        before: Frames from the place to that spot, shape ``(g,)``.
        position: In units of the movie's displacement scale, shape ``(g, 3)``.
        covariance: Of the position, shape ``(g, 3, 3)``.
    """

    spot: np.ndarray
    before: np.ndarray
    position: np.ndarray
    covariance: np.ndarray

    @classmethod
    def join(cls, parts: list["Bridges"]) -> "Bridges":
        """One after the other."""
        none = cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 3)), np.empty((0, 3, 3)))
        every = [none, *parts]
        return cls(*(np.concatenate([getattr(one, name) for one in every]) for name in cls.__dataclass_fields__))


def bridges(spots: Spots, one: Followed, recent: Mapping[int, Followed], after: Futures) -> Bridges:
    """Positions inside the links that lead to one frame across others.

    What the past expects and what the future expects are two opinions about one place: their densities are multiplied.
    For diffusion this is the Brownian bridge; for directed motion it lies on the line.

    Args:
        spots: Of the movie.
        one: The frame.
        recent: The frames before it, by number.
        after: Futures of its spots.
    """
    at = np.flatnonzero(one.source >= 0)
    if not len(at):
        return Bridges.join([])
    frame = int(spots.frame[one.spots.start])
    step = frame - spots.frame[one.source[at]]
    found = []
    for length in np.unique(step[step > 1]).tolist():
        spot = at[step == length]
        start = recent[frame - length]
        origin = one.source[spot]
        row = torch.from_numpy(origin - start.spots.start)
        node = torch.from_numpy(_likeliest(after, one.spots)[spot])
        number = spot + one.spots.start
        n_axes = spots.contexts(number)[:, 0] + 2
        displacement = torch.from_numpy(spots.position[number] - spots.position[origin])
        for missed in range(1, length):
            steps = torch.full_like(row, missed)
            past = start.states.expected(row, steps, n_axes)
            future = after.states.expected(node, length - steps, n_axes)
            mean, covariance = _product(
                past.mean.double(),
                past.covariance().double(),
                displacement + future.mean.double(),
                future.covariance().double(),
            )
            found.append(
                Bridges(
                    number,
                    np.full(len(spot), length - missed),
                    mean.numpy() + spots.position[origin],
                    covariance.numpy(),
                )
            )
    return Bridges.join(found)


def _likeliest(after: Futures, here: slice) -> np.ndarray:
    """The most probable hypothesis of every spot of the frame."""
    order = np.lexsort((-after.log_weight.numpy(), after.spot))
    likeliest: np.ndarray = order[after.first[: here.stop - here.start]]
    return likeliest


def _product(mean: Tensor, covariance: Tensor, other: Tensor, other_covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the product of two normal densities."""
    gain = torch.linalg.solve(covariance + other_covariance, covariance).transpose(1, 2)
    return mean + (gain @ (other - mean)[:, :, None])[:, :, 0], covariance - gain @ covariance
