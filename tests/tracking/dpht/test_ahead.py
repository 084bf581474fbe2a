import numpy as np
import pytest
import torch

from tracking.dpht import ahead as module
from tracking.dpht.ahead import Ahead
from tracking.dpht.futures import futures

DEPTH, WIDTH = 3, 2


@pytest.fixture(scope="module")
def spots(spots_of, crowd):
    frame, position, _ = crowd(n_particles=5, n_frames=40)
    return spots_of(frame, position)


@pytest.fixture
def short_blocks(monkeypatch):
    """Blocks of eight frames."""
    monkeypatch.setattr(module, "BLOCK_SPOTS", 1)
    monkeypatch.setattr(module, "BEYOND", 2)


def walk(ahead, frames):
    """Ask as a tracker does: for a frame, and for those that links lead to."""
    for frame in frames:
        yield frame, [ahead.get(frame + step) for step in range(DEPTH + 1)]


@torch.inference_mode()
def test_in_one_block_futures_are_those_of_the_whole_movie(spots, untrained):
    network = untrained()
    whole = futures(spots, network, range(40), depth=DEPTH, width=WIDTH)
    ahead = Ahead(spots, network, DEPTH, WIDTH)
    for frame in range(40):
        np.testing.assert_array_equal(ahead[frame].spot, whole[frame].spot)
        assert torch.equal(ahead[frame].log_weight, whole[frame].log_weight)


@torch.inference_mode()
def test_every_block_knows_the_spots_beyond_its_end(spots, untrained, short_blocks, monkeypatch):
    # With as many frames beyond as the movie has, nothing is lost at a block's end.
    network = untrained()
    whole = futures(spots, network, range(40), depth=DEPTH, width=WIDTH)
    ahead = Ahead(spots, network, DEPTH, WIDTH)
    monkeypatch.setattr(module, "BEYOND", 40)
    for frame, _ in walk(ahead, range(20)):
        torch.testing.assert_close(ahead[frame].log_weight, whole[frame].log_weight)
    assert ahead.block == 8


@torch.inference_mode()
def test_at_the_end_of_a_block_something_follows_too(spots, untrained, short_blocks):
    network = untrained()
    ahead = Ahead(spots, network, DEPTH, WIDTH)
    last = ahead.block - 1
    assert ahead[0] is not None
    assert len(ahead[last].source)


@torch.inference_mode()
def test_no_frame_is_looked_at_twice_and_only_some_are_held(spots, untrained, short_blocks):
    ahead = Ahead(spots, untrained(), DEPTH, WIDTH)
    seen = {}
    for frame, found in walk(ahead, range(40)):
        for step, one in enumerate(found):
            if frame + step < 40:
                # The very same object as when it was asked for first: it was not forgotten and found again.
                assert seen.setdefault(frame + step, one) is one
        assert len(ahead) <= ahead.block + 2 * DEPTH
        assert min(ahead) >= frame - DEPTH - ahead.block


@torch.inference_mode()
def test_beyond_the_movie_there_is_nothing(spots, untrained):
    ahead = Ahead(spots, untrained(), DEPTH, WIDTH)
    assert ahead.get(40) is None
    assert ahead.get(41, ahead[3]) is ahead[3]
    with pytest.raises(KeyError):
        ahead[40]
