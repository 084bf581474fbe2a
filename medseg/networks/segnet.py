from monai.networks.layers.factories import Conv, Pool
from torch import Tensor, nn
from torch.nn.functional import max_unpool2d, max_unpool3d

from medseg.networks.initialise import initialise
from medseg.networks.norm import Norm
from medseg.networks.require import require_choice, require_positive
from medseg.networks.vgg import VGG16, stage
from medseg.networks.widened import widened


class SegNet(nn.Module):
    """Encoder and mirrored decoder that puts values back where max pooling took them from.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        out_channels: Classes, the background among them; 1 for a binary mask.
        width: Multiplies the features of every layer.
        norm: Normalisation, in MONAI's way: a name, or a name and its options.

    Raises:
        ValueError: An argument is out of range.

    Source: Badrinarayanan, Kendall and Cipolla 2017, arXiv:1511.00561.
    """

    def __init__(
        self, spatial_dims: int, in_channels: int, out_channels: int, *, width: float = 1.0, norm: Norm = "batch"
    ) -> None:
        super().__init__()
        require_choice("spatial_dims", spatial_dims, (2, 3))
        require_positive(in_channels=in_channels, out_channels=out_channels, width=width)
        stages = [widened(features, width) for features in VGG16]
        before = (in_channels, *(features[-1] for features in stages))
        self.encode = nn.ModuleList(
            stage(spatial_dims, n, features, norm) for n, features in zip(before, stages, strict=False)
        )
        self.shrink = Pool[Pool.MAX, spatial_dims](2, return_indices=True)
        # As many convolutions as the encoder's stage, the last of them down to the features of the stage above.
        after = [(*features[:-1], n) for n, features in zip((stages[0][0], *before[1:5]), stages, strict=True)]
        self.decode = nn.ModuleList(
            stage(spatial_dims, stages[level][-1], after[level], norm) for level in (4, 3, 2, 1)
        )
        # The last convolution gives the logits themselves.
        self.decode.append(stage(spatial_dims, stages[0][-1], after[0][:-1], norm))
        self.classify = Conv[Conv.CONV, spatial_dims](after[0][-2], out_channels, 3, padding=1)
        initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        """Logits ``(B, out_channels, H, W[, D])`` of an image ``(B, in_channels, H, W[, D])``, sides of 32 or more."""
        features = image
        places: list[Tensor] = []
        sizes: list[list[int]] = []
        for layers in self.encode:
            features = layers(features)
            sizes.append(features.shape[2:])
            features, place = self.shrink(features)
            places.append(place)
        for i, layers in enumerate(self.decode):
            size, place = sizes[-1 - i], places[-1 - i]
            if features.dim() == 4:
                features = max_unpool2d(features, place, [2, 2], output_size=size)
            else:
                features = max_unpool3d(features, place, [2, 2, 2], output_size=size)
            features = layers(features)
        found: Tensor = self.classify(features)
        return found
