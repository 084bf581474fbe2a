import torch
from torch.nn.functional import interpolate

from medseg.networks.fcn import FCN8s, _bilinear


def test_it_has_the_parameters_of_the_published_layers():
    # VGG16's 13 convolutions with their normalisation, 7 x 7 x 512 x 4096, 4096 x 4096, three scores of 21 classes, and
    # three transposed convolutions without bias.
    convolutions = 14_714_688 + 2 * 4224
    full = 7 * 7 * 512 * 4096 + 4096 + 4096 * 4096 + 4096
    scores = 21 * (4096 + 512 + 256) + 3 * 21
    grown = 21 * 21 * (4 * 4 + 4 * 4 + 16 * 16)
    assert sum(weight.numel() for weight in FCN8s(2, 3, 21).parameters()) == convolutions + full + scores + grown


def test_untrained_upsampling_is_linear_interpolation():
    image = torch.randn(1, 2, 6, 7)
    grown = _bilinear(2, 2, 8)(image)
    expected = interpolate(image, scale_factor=8, mode="bilinear", align_corners=False)
    # At the border there is nothing to interpolate with.
    torch.testing.assert_close(grown[..., 8:-8, 8:-8], expected[..., 8:-8, 8:-8])


def test_scores_begin_without_a_preference():
    assert not FCN8s(2, 1, 3, width=0.1, fc_width=8).eval()(torch.randn(1, 1, 32, 32)).any()
