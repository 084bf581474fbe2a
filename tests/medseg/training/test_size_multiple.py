import pytest
from monai.networks.nets import DynUNet, UNet
from torch import nn

from medseg.networks.focusnet import FocusNet
from medseg.training.size_multiple import size_multiple, takes_size


@pytest.mark.parametrize(
    ("network", "axes", "expected"),
    [
        (UNet(3, 1, 2, (2, 4, 8), (2, 2)), 3, [4, 4, 4]),
        (UNet(3, 1, 2, (2, 4, 8), ((2, 2, 1), (2, 2, 2))), 3, [4, 4, 2]),
        (UNet(2, 1, 2, (2, 4, 8), (3, 2)), 2, [6, 6]),
        (FocusNet(3, 1, 2, width=0.05, stem_size=3, strides=(2, 2, 2, 1)), 3, [8, 8, 8]),
        (nn.Conv2d(1, 2, 3, padding=1), 2, [1, 1]),
    ],
)
def test_multiple_follows_from_the_strides(network: nn.Module, axes: int, expected: list[int]) -> None:
    assert size_multiple(network, 1, axes) == expected


def test_outputs_of_deep_supervision_are_measured_too() -> None:
    network = DynUNet(2, 1, 2, [3] * 3, [1, 2, 2], [2] * 2, filters=[2, 4, 8], deep_supervision=True, deep_supr_num=1)
    assert size_multiple(network, 1, 2) == [4, 4]


def test_a_network_that_shrinks_its_image_takes_no_size() -> None:
    shrinking = nn.Conv2d(1, 2, 3)
    assert size_multiple(shrinking, 1, 2) is None
    assert not takes_size(shrinking, 1, [64, 64])


def test_one_size_is_tried() -> None:
    network = UNet(3, 1, 2, (2, 4, 8), (2, 2))
    assert takes_size(network, 1, [20, 24, 16])
    assert not takes_size(network, 1, [20, 22, 16])
