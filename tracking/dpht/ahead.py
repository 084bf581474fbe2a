from tracking.dpht.futures import Futures, futures
from tracking.dpht.network import TrackNetwork
from tracking.dpht.spots import Spots

# Spots whose futures are held at once, and frames by which a block looks beyond its end.
BLOCK_SPOTS, BEYOND = 100_000, 12


class Ahead(dict[int, Futures]):
    """Futures of a movie's frames, found block by block as they are asked for in ascending order.

    Memory holds one block, and of the block before what links may still come from.

    Args:
        spots: Of the movie.
        network: Reads futures and judges links.
        depth: Frames that a link may lead ahead.
        width: Hypotheses kept of every spot.
    """

    def __init__(self, spots: Spots, network: TrackNetwork, depth: int, width: int) -> None:
        self.spots, self.network, self.depth, self.width = spots, network, depth, width
        self.last = int(spots.frame[-1])
        per_frame = len(spots.frame) / (self.last - int(spots.frame[0]) + 1)
        self.block = max(int(BLOCK_SPOTS / per_frame), 4 * BEYOND)

    def __missing__(self, frame: int) -> Futures:
        if frame > self.last:
            raise KeyError(frame)
        end = min(frame + self.block, self.last + 1)
        beyond = range(frame, min(end + BEYOND, self.last + 1))
        found = futures(self.spots, self.network, beyond, depth=self.depth, width=self.width)
        for old in [one for one in self if one < frame - self.depth]:
            del self[old]
        self.update({one: found[one] for one in range(frame, end)})
        return self[frame]

    def get(self, frame: int, default: Futures | None = None) -> Futures | None:  # type: ignore[override]
        """The futures of a frame, ``default`` beyond the movie."""
        return self[frame] if frame <= self.last else default
