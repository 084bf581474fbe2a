import torch
from monai.networks.layers.factories import Conv, Dropout, Pool
from torch import Tensor, nn

from medseg.networks.initialise import initialise
from medseg.networks.norm import Norm
from medseg.networks.require import require_choice, require_positive
from medseg.networks.vgg import VGG16, stage
from medseg.networks.widened import widened


class FCN8s(nn.Module):
    """Fully convolutional network: class scores at strides of 32, 16 and 8, summed as they are upsampled.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        out_channels: Classes, the background among them; 1 for a binary mask.
        width: Multiplies the features of the five stages.
        fc_width: Features of the two convolutions that stand for VGG's fully connected layers.
        fc_size: Kernel of the first of them, odd. 7 as published; less for small patches.
        norm: Normalisation, in MONAI's way: a name, or a name and its options.
        dropout: Share of the channels left out after each of these two, in training.

    Raises:
        ValueError: An argument is out of range.

    Source: Long, Shelhamer and Darrell 2015, arXiv:1411.4038; with normalisation, and with an image padded as much as
    its kernels need where the authors padded 100 pixels.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        *,
        width: float = 1.0,
        fc_width: int = 4096,
        fc_size: int = 7,
        norm: Norm = "batch",
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        require_choice("spatial_dims", spatial_dims, (2, 3))
        require_positive(in_channels=in_channels, out_channels=out_channels, width=width, fc_width=fc_width)
        if fc_size < 1 or fc_size % 2 == 0:
            raise ValueError(f"`fc_size` must be odd and positive, got {fc_size}")
        conv, leave_out = Conv[Conv.CONV, spatial_dims], Dropout[Dropout.DROPOUT, spatial_dims]
        stages = [widened(features, width) for features in VGG16]
        before = (in_channels, *(features[-1] for features in stages))
        self.stages = nn.ModuleList(
            stage(spatial_dims, n, features, norm) for n, features in zip(before, stages, strict=False)
        )
        self.shrink = Pool[Pool.MAX, spatial_dims](2, ceil_mode=True)
        self.full = nn.Sequential(
            conv(before[5], fc_width, fc_size, padding=fc_size // 2),
            nn.ReLU(),
            leave_out(dropout),
            conv(fc_width, fc_width, 1),
            nn.ReLU(),
            leave_out(dropout),
        )
        initialise(self)
        # Scores begin at zero, so that no scale is preferred.
        self.score_32, self.score_16, self.score_8 = (
            conv(n, out_channels, 1) for n in (fc_width, before[4], before[3])
        )
        for layer in (self.score_32, self.score_16, self.score_8):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.up_32, self.up_16 = (_bilinear(spatial_dims, out_channels, 2) for _ in range(2))
        self.up_8 = _bilinear(spatial_dims, out_channels, 8)

    def forward(self, image: Tensor) -> Tensor:
        """Logits ``(B, out_channels, H, W[, D])`` of an image ``(B, in_channels, H, W[, D])`` of any size."""
        features, levels = image, [image]
        for layers in self.stages:
            features = self.shrink(layers(features))
            levels.append(features)
        score = _cut(self.up_32(self.score_32(self.full(features))), levels[4]) + self.score_16(levels[4])
        score = _cut(self.up_16(score), levels[3]) + self.score_8(levels[3])
        return _cut(self.up_8(score), image)


def _bilinear(spatial_dims: int, n: int, factor: int) -> nn.Module:
    """A transposed convolution that interpolates linearly until it has learned better."""
    layer = (nn.ConvTranspose2d if spatial_dims == 2 else nn.ConvTranspose3d)(
        n, n, 2 * factor, stride=factor, padding=factor // 2, bias=False
    )
    kernel = line = 1 - (torch.arange(2 * factor) - (factor - 0.5)).abs() / factor
    for _ in range(spatial_dims - 1):
        kernel = kernel[..., None] * line
    with torch.no_grad():
        layer.weight.zero_()
        for channel in range(n):
            layer.weight[channel, channel] = kernel
    return layer


def _cut(features: Tensor, like: Tensor) -> Tensor:
    """Without what pooling added to odd sides at their end."""
    for axis in range(2, like.dim()):
        features = features.narrow(axis, 0, like.shape[axis])
    return features
