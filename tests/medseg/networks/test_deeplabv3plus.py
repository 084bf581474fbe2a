import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from medseg.networks.deeplabv3plus import DeepLabV3Plus, atrous_rates


def test_it_has_the_parameters_of_the_published_layers():
    def separable(n_in, n_out):
        return 9 * n_in + 2 * n_in + n_in * n_out + 2 * n_out

    # ResNet-50 without its 1000 classes, 2048 features at its end and 256 after its first stage.
    encoder = 25_557_032 - (2048 * 1000 + 1000)
    pyramid = 2048 * 256 + 2 * 256 + 3 * separable(2048, 256) + 2048 * 256 + 256 + 5 * 256 * 256 + 2 * 256
    decoder = 256 * 48 + 2 * 48 + separable(304, 256) + separable(256, 256) + 256 * 21 + 21
    count = sum(weight.numel() for weight in DeepLabV3Plus(2, 3, 21).parameters())
    assert count == encoder + pyramid + decoder


def test_rates_on_the_papers_patches_are_the_papers():
    assert atrous_rates((528, 528), 16) == (6, 12, 18)
    assert atrous_rates((528, 528), 8) == (12, 24, 36)


@given(st.integers(24, 800), st.sampled_from([4, 8, 16]))
def test_the_middle_of_a_dilated_kernel_is_never_all_that_is_left(side, stride):
    rates = atrous_rates((side, side + 7), stride)
    assert rates[0] < rates[1] < rates[2]
    size = -(-side // stride)
    assert rates[2] < max(size, 4)


@pytest.mark.parametrize(("stem_stride", "output_stride"), [(4, 16), (4, 8), (2, 8), (1, 8)])
def test_features_are_as_coarse_as_asked_for(stem_stride, output_stride):
    network = DeepLabV3Plus(
        2, 1, 2, width=0.1, blocks=(1, 1, 1, 1), stem_stride=stem_stride, output_stride=output_stride
    ).eval()
    early = network.early(network.stem(torch.randn(1, 1, 64, 96)))
    assert early.shape[2:] == (64 // stem_stride, 96 // stem_stride)
    assert network.late(early).shape[2:] == (64 // output_stride, 96 // output_stride)


def test_where_it_no_longer_shrinks_it_dilates():
    def dilations(output_stride):
        network = DeepLabV3Plus(2, 1, 2, width=0.1, output_stride=output_stride)
        layers = [one for one in network.late.modules() if isinstance(one, nn.Conv2d) and one.kernel_size == (3, 3)]
        return {layer.dilation[0] for layer in layers}

    assert dilations(16) == {1, 2}
    assert dilations(8) == {1, 2, 4}


def test_a_single_image_can_be_trained_on():
    # The mean over the image is one value a channel, which no batch normalisation could take.
    network = DeepLabV3Plus(2, 1, 2, width=0.1, blocks=(1, 1, 1, 1)).train()
    assert torch.isfinite(network(torch.randn(1, 1, 64, 64))).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"output_stride": 32}, "4, 8, 16"),
        ({"output_stride": 4}, "twice `stem_stride`"),
        ({"rates": (0, 1, 2)}, "`rates`"),
        ({"blocks": (3, 4)}, "4 entries"),
        ({"skip_features": 0}, "`skip_features`"),
        ({"upsampling": "nearest"}, "`upsampling`"),
    ],
)
def test_impossible_options_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        DeepLabV3Plus(2, 1, 2, **options)


def test_a_narrow_network_can_keep_more_early_features():
    assert DeepLabV3Plus(2, 1, 2, width=0.1).skip[0].out_channels == 5
    assert DeepLabV3Plus(2, 1, 2, width=0.1, skip_features=48).skip[0].out_channels == 48


@pytest.mark.parametrize("stem_stride", [1, 2, 4])
@pytest.mark.parametrize("side", [29, 32, 35])
def test_learned_upsampling_gives_every_pixel_a_logit(stem_stride, side):
    network = DeepLabV3Plus(
        2, 1, 3, width=0.1, blocks=(1, 1, 1, 1), stem_stride=stem_stride, output_stride=8, upsampling="learned"
    ).eval()
    assert network(torch.randn(1, 1, side, side + 2)).shape == (1, 3, side, side + 2)
