from collections.abc import Sequence

from monai.networks.layers.factories import Conv
from torch import nn

from medseg.networks.norm import Norm, norm_layer

# Features of every convolution of VGG16's five stages. Source: Simonyan and Zisserman 2015, arXiv:1409.1556.
VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def stage(spatial_dims: int, n_in: int, features: Sequence[int], norm: Norm) -> nn.Sequential:
    """3 x 3 convolutions, each normalised, as in VGG with batch normalisation."""
    layers: list[nn.Module] = []
    for n in features:
        layers += [
            Conv[Conv.CONV, spatial_dims](n_in, n, 3, padding=1),
            norm_layer(norm, spatial_dims, n),
            nn.ReLU(),
        ]
        n_in = n
    return nn.Sequential(*layers)
