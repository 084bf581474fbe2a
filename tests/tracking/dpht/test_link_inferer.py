import math

import numpy as np
import pytest
import torch

from tracking.dpht.cell import MAX_STEP
from tracking.dpht.link_inferer import LinkInferer
from tracking.dpht.network import TrackNetwork
from tracking.errors import TrackingError


@pytest.fixture(scope="module")
def network() -> TrackNetwork:
    torch.manual_seed(0)
    return TrackNetwork(hidden=8).eval()


def far_apart(n_axes: int = 2) -> torch.Tensor:
    """Rows of frame and position; two particles that drift far from each other: spots 0, 2, 4, ... and 1, 3, 5, ..."""
    #  a . .          frame    0   1   2
    #   . a .         a       (0) (2) (4)
    #         b b b   b       (1) (3) (5)
    rng = np.random.default_rng(0)
    steps = rng.normal(0, 0.5, (12, 2, n_axes)).cumsum(axis=0) + np.array([20.0, 220.0])[:, None]
    return torch.from_numpy(np.column_stack([np.repeat(np.arange(12.0), 2), steps.reshape(24, n_axes)]))


@pytest.mark.parametrize("n_axes", [2, 3])
def test_it_gives_a_row_for_every_spot_and_links_only_what_is_near(network: TrackNetwork, n_axes: int) -> None:
    links = LinkInferer()(far_apart(n_axes), network)
    assert links.shape == (24, 4)
    assert links.dtype == torch.float64
    linked = links[:, 0] >= 0
    assert linked.any()
    source, target = links[linked, 0].long(), torch.arange(24)[linked]
    assert ((target - source) % 2 == 0).all()  # never from a to b
    assert (source < target).all()
    assert torch.equal(links[:, 1].isnan(), ~linked)
    probabilities = torch.nan_to_num(links[:, 1:])
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_slices_are_scaled_to_pixels(network: TrackNetwork) -> None:
    pixels = far_apart(3)
    slices = pixels.clone()
    slices[:, 3] /= 4
    torch.testing.assert_close(
        LinkInferer(z_scale=4.0)(slices, network), LinkInferer()(pixels, network), equal_nan=True
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 99}, f"`depth` must be a whole number from 1 to {MAX_STEP}, or null, got 99"),
        ({"depth": 0}, "`depth` must be"),
        ({"depth": "3"}, "`depth` must be .*, got '3'"),
        ({"width": -1}, "`width` must be a whole number, 0 or more, got -1"),
        ({"width": None}, "`width` must be"),
        ({"z_scale": 0.0}, "`z_scale` must be a positive number, got 0.0"),
        ({"z_scale": math.nan}, "`z_scale` must be"),
    ],
)
def test_options_out_of_range_are_refused_at_once(options: dict[str, object], message: str) -> None:
    with pytest.raises(TrackingError, match=message):
        LinkInferer(**options)


def test_all_depths_that_the_network_knows_are_taken() -> None:
    assert [LinkInferer(depth, 0).depth for depth in (None, 1, MAX_STEP)] == [None, 1, MAX_STEP]


def spoil(row: int, column: int, value: float) -> torch.Tensor:
    spots = far_apart()
    spots[row, column] = value
    return spots


@pytest.mark.parametrize(
    ("spots", "message"),
    [
        (torch.zeros(5, 2), "rows of frame, x, y"),
        (torch.zeros(5), "rows of frame, x, y"),
        (spoil(3, 1, math.nan), "finite"),
        (spoil(3, 0, 1.5), "whole numbers in ascending order"),
        (spoil(0, 0, 5.0), "whole numbers in ascending order"),
    ],
)
def test_what_are_no_spots_is_refused(network: TrackNetwork, spots: torch.Tensor, message: str) -> None:
    with pytest.raises(TrackingError, match=message):
        LinkInferer()(spots, network)


@pytest.mark.parametrize("n_spots", [0, 1, 2])
def test_one_frame_and_none_have_no_links(network: TrackNetwork, n_spots: int) -> None:
    links = LinkInferer()(far_apart()[:n_spots], network)
    assert links.shape == (n_spots, 4)
    assert (links[:, 0] == -1).all()


def test_where_distances_tell_nothing_the_tracker_finds_out(network: TrackNetwork) -> None:
    spots = far_apart()
    spots[:, 0] *= 3  # no two successive frames
    assert LinkInferer()(spots, network).shape == (24, 4)
