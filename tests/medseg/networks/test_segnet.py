from itertools import pairwise

import torch
from torch import nn

from medseg.networks.segnet import SegNet


def test_encoder_and_decoder_have_13_convolutions_each():
    network = SegNet(2, 3, 2, width=0.1)
    count = sum(isinstance(layer, nn.Conv2d) for layer in network.modules())
    assert count == 26


def test_it_has_the_parameters_of_the_published_layers():
    # VGG16's 13 convolutions with their normalisation, and the same in reverse, each stage's last down to the features
    # of the stage above; the very last gives 21 classes.
    encoder = 14_714_688 + 2 * 4224
    widths = (512, 512, 512, 512, 512, 512, 256, 256, 256, 128, 128, 64, 64)
    decoder = sum(9 * n_in * n_out + n_out + 2 * n_out for n_in, n_out in pairwise(widths))
    count = sum(weight.numel() for weight in SegNet(2, 3, 21).parameters())
    assert count == encoder + decoder + 9 * 64 * 21 + 21


def test_values_return_to_where_they_were_the_greatest():
    #  one bright pixel in a dark image: after pooling and putting back it is where it was, and nothing else is bright
    network = SegNet(2, 1, 2, width=0.1)
    image = torch.zeros(1, 1, 6, 6)
    image[0, 0, 3, 4] = 1
    pooled, place = network.shrink(image)
    assert torch.equal(nn.functional.max_unpool2d(pooled, place, 2, output_size=(6, 6)), image)
