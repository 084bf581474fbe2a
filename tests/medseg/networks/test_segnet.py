import torch
from torch import nn

from medseg.networks.segnet import SegNet


def test_encoder_and_decoder_have_13_convolutions_each():
    network = SegNet(2, 3, 2, width=0.1)
    count = sum(isinstance(layer, nn.Conv2d) for layer in network.modules())
    assert count == 26


def test_values_return_to_where_they_were_the_greatest():
    #  one bright pixel in a dark image: after pooling and putting back it is where it was, and nothing else is bright
    network = SegNet(2, 1, 2, width=0.1)
    image = torch.zeros(1, 1, 6, 6)
    image[0, 0, 3, 4] = 1
    pooled, place = network.shrink(image)
    assert torch.equal(nn.functional.max_unpool2d(pooled, place, 2, output_size=(6, 6)), image)
