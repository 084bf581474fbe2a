import pytest
import torch

from medseg.inference.three_channels import ThreeChannelsd


@pytest.mark.parametrize(("channels", "expected"), [(1, [0, 0, 0]), (3, [0, 1, 2]), (4, [0, 1, 2])])
def test_gray_is_repeated_and_alpha_left_out(channels, expected):
    image = torch.arange(channels).float()[:, None, None].expand(channels, 4, 5)
    found = ThreeChannelsd("image")({"image": image})["image"]
    assert found.shape == (3, 4, 5)
    assert found[:, 0, 0].tolist() == expected


def test_two_channels_are_refused():
    with pytest.raises(ValueError, match=r"1, 3 or 4 channels .* got 2"):
        ThreeChannelsd("image")({"image": torch.zeros(2, 4, 5)})
