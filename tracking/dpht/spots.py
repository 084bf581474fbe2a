from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.spatial import cKDTree

# Movies side by side lie farther apart than any gate.
APART = 1e4
# How far the border is felt, in displacement scales.
NEAR_BORDER = 1.5
# A field that is no deeper than this has no inside.
FLAT = 1.0


@dataclass(frozen=True, eq=False)
class Spots:
    """Spots of one movie, or of several side by side, in units of their movie's displacement scale.

    Attributes:
        frame: Frame of every spot, ascending, int64, shape ``(n,)``.
        position: float64, shape ``(n, 3)``; of two dimensions the last is 0.
        movie: Movie of every spot, int64, shape ``(n,)``.
        context: What is known of each movie, float32, shape ``(m, N_MOVIE)``.
    """

    frame: np.ndarray
    position: np.ndarray
    movie: np.ndarray
    context: np.ndarray

    def points(self, position: np.ndarray, movie: np.ndarray) -> np.ndarray:
        """Places among which distances are those of ``position`` in one movie, and far apart in different ones."""
        columns = [position] if self.has_depth else [position[:, :2]]
        if len(self.context) > 1:
            columns.append(APART * movie[:, None])
        return np.hstack(columns)

    @cached_property
    def has_depth(self) -> bool:
        """Whether any movie has three dimensions."""
        return bool((self.context[:, 0] > 0).any())

    @cached_property
    def border(self) -> np.ndarray:
        """How near each spot is to where its movie ends: 1 at the border, less and less towards 0 inside; float32.

        Particles leave and enter there. The border is a box round all spots of the movie; along an axis on which it is
        flat, as of a single plane, nothing can be told.
        """
        nearest = np.full(len(self.frame), np.inf)
        for axis in range(3):
            place, movies = self.position[:, axis], len(self.context)
            low, high = np.full(movies, np.inf), np.full(movies, -np.inf)
            np.minimum.at(low, self.movie, place)
            np.maximum.at(high, self.movie, place)
            inside = np.minimum(place - low[self.movie], high[self.movie] - place)
            is_deep = (high - low > FLAT)[self.movie]
            nearest = np.where(is_deep, np.minimum(nearest, inside), nearest)
        return np.exp(-nearest / NEAR_BORDER).astype(np.float32)

    def of_frame(self, frame: int) -> slice:
        """Where the spots of a frame lie."""
        first, last = np.searchsorted(self.frame, [frame, frame + 1])
        return slice(int(first), int(last))

    def contexts(self, spots: slice | np.ndarray) -> torch.Tensor:
        """Of each of some spots the context of its movie and its nearness to the border, shape ``(k, N_CONTEXT)``."""
        return torch.from_numpy(np.column_stack([self.context[self.movie[spots]], self.border[spots]]))


class FrameIndex:
    """Finds spots of one frame near to places."""

    def __init__(self, spots: Spots, frame: int) -> None:
        self.spots, self.slice = spots, spots.of_frame(frame)
        self.n = self.slice.stop - self.slice.start
        points = spots.points(spots.position[self.slice], spots.movie[self.slice])
        self.tree = cKDTree(points) if self.n else None

    def near(
        self, places: np.ndarray, movie: np.ndarray, radius: np.ndarray, most: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of a place and a spot at most ``radius`` apart, of each place the ``most`` nearest.

        Args:
            places: Shape ``(n, 3)``.
            movie: Of each, shape ``(n,)``.
            radius: Of each, shape ``(n,)``.
            most: Spots that are kept of each.

        Returns:
            Numbers of the places, and of the spots in the movie, of every pair, ordered by place.
        """
        if self.tree is None or not len(places):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        k = min(most, self.n)
        distance, found = self.tree.query(
            self.spots.points(places, movie), k=[*range(1, k + 1)], distance_upper_bound=float(radius.max()) + 1e-9
        )
        place, rank = np.nonzero(distance <= radius[:, None])
        return place, found[place, rank] + self.slice.start
