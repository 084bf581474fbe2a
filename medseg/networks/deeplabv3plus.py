from collections.abc import Sequence

import torch
from monai.networks.layers.factories import Conv, Dropout, Pool
from torch import Tensor, nn
from torch.nn.functional import interpolate

from medseg.networks.initialise import initialise
from medseg.networks.norm import Norm, norm_layer
from medseg.networks.require import require_choice, require_positive
from medseg.networks.widened import widened

# Bottleneck blocks of each stage, as in ResNet-50, and the features inside them; a stage gives four times as many.
BLOCKS = (3, 4, 6, 3)
_INNER, _STEM, _POOLED, _SKIPPED = (64, 128, 256, 512), 64, 256, 48
_EXPANSION = 4
UPSAMPLINGS = ("linear", "learned")
# Dilations at an output stride of 16 on the 513 pixels of the paper, which are 33 features wide there.
_RATES, _PUBLISHED_SIZE = (6, 12, 18), 33


def atrous_rates(patch_size: Sequence[int], output_stride: int) -> tuple[int, int, int]:
    """Dilations for features of a patch, in the proportion to their size that those of the paper have to theirs.

    A rate as large as the feature map would leave nothing but the middle of the kernel. No rate is above those of the
    paper for the same output stride.

    Args:
        patch_size: Sides of the patches the network is trained on.
        output_stride: By how much the features are coarser than the patch.
    """
    size = min(patch_size) / output_stride
    share = min(size / _PUBLISHED_SIZE, 16 / output_stride)
    first, second, third = (max(round(rate * share), least) for least, rate in enumerate(_RATES, start=1))
    return first, second, third


class DeepLabV3Plus(nn.Module):
    """Dilated residual encoder, parallel dilated convolutions, and a decoder that refines with early features.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        out_channels: Classes, the background among them; 1 for a binary mask.
        output_stride: By how much the encoder's last features are coarser than the image: 16 or 8; 4 for small patches.
        stem_stride: By how much the early features are that the decoder refines with: 4; less for small patches.
        rates: Dilations of the three parallel convolutions; see `atrous_rates`. None: those of the paper.
        width: Multiplies the features of every layer.
        skip_features: Early features that reach the decoder, where a narrow network keeps more of them. None: the 48 of
            the paper times ``width``.
        upsampling: How logits come from the early features' grid to the image's: ``linear`` as published, or
            ``learned`` by a transposed convolution. With a linear one the logits next to a border have to overshoot for
            it to be sharp, which a structure of few voxels suffers from.
        blocks: Residual blocks of each of the four stages.
        norm: Normalisation, in MONAI's way: a name, or a name and its options.
        dropout: Share of the joined features left out in training.

    Raises:
        ValueError: An argument is out of range.

    Source: Chen et al. 2018, arXiv:1802.02611; the encoder is He et al.'s ResNet-50, arXiv:1512.03385.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        *,
        output_stride: int = 16,
        stem_stride: int = 4,
        rates: Sequence[int] | None = None,
        width: float = 1.0,
        skip_features: int | None = None,
        upsampling: str = "linear",
        blocks: Sequence[int] = BLOCKS,
        norm: Norm = "batch",
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        require_choice("spatial_dims", spatial_dims, (2, 3))
        require_choice("output_stride", output_stride, (4, 8, 16))
        require_choice("stem_stride", stem_stride, (1, 2, 4))
        require_choice("upsampling", upsampling, UPSAMPLINGS)
        if output_stride < 2 * stem_stride:
            raise ValueError(f"`output_stride` must be twice `stem_stride` or more, got {output_stride}, {stem_stride}")
        if len(blocks) != len(BLOCKS):
            raise ValueError(f"`blocks` must have {len(BLOCKS)} entries, got {len(blocks)}")
        if rates is None:
            rates = [rate * 16 // output_stride for rate in _RATES]
        require_positive(in_channels=in_channels, out_channels=out_channels, width=width)
        require_positive(blocks=min(blocks), rates=min(rates, default=1))
        inner, (stem, pooled, skipped) = widened(_INNER, width), widened((_STEM, _POOLED, _SKIPPED), width)
        if skip_features is not None:
            require_positive(skip_features=skip_features)
            skipped = skip_features
        self.is_learned = upsampling == "learned" and stem_stride > 1
        self.mode = "bilinear" if spatial_dims == 2 else "trilinear"
        shrink = [Pool[Pool.MAX, spatial_dims](3, stride=2, padding=1)] if stem_stride == 4 else []
        self.stem = nn.Sequential(
            *_normed(Conv[Conv.CONV, spatial_dims], in_channels, stem, 7, norm, stride=min(stem_stride, 2)), *shrink
        )
        stages, n, reached, dilation = [], stem, stem_stride, 1
        for level, features in enumerate(inner):
            stride = 2 if level and reached < output_stride else 1
            if level and stride == 1:
                dilation *= 2
            reached *= stride
            stages.append(_stage(spatial_dims, n, features, blocks[level], stride, dilation, norm))
            n = _EXPANSION * features
        self.early, self.late = stages[0], nn.Sequential(*stages[1:])
        self.pyramid = _Pyramid(spatial_dims, n, pooled, rates, norm, dropout)
        self.skip = nn.Sequential(*_normed(Conv[Conv.CONV, spatial_dims], _EXPANSION * inner[0], skipped, 1, norm))
        self.refine = nn.Sequential(
            *_separable(spatial_dims, pooled + skipped, pooled, norm), *_separable(spatial_dims, pooled, pooled, norm)
        )
        if self.is_learned:
            self.classify: nn.Module = Conv[Conv.CONVTRANS, spatial_dims](
                pooled, out_channels, 2 * stem_stride, stride=stem_stride, padding=stem_stride // 2
            )
        else:
            self.classify = Conv[Conv.CONV, spatial_dims](pooled, out_channels, 1)
        initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        """Logits ``(B, out_channels, H, W[, D])`` of an image ``(B, in_channels, H, W[, D])`` of any size."""
        early = self.early(self.stem(image))
        skip = self.skip(early)
        context = self._resized(self.pyramid(self.late(early)), skip)
        logits: Tensor = self.classify(self.refine(torch.cat([context, skip], dim=1)))
        if not self.is_learned:
            return self._resized(logits, image)
        # Early features are rounded up to whole ones.
        for axis in range(2, image.dim()):
            logits = logits.narrow(axis, 0, image.shape[axis])
        return logits

    def _resized(self, features: Tensor, like: Tensor) -> Tensor:
        return interpolate(features, like.shape[2:], mode=self.mode, align_corners=False)


class _Bottleneck(nn.Module):
    """Three convolutions and a shortcut."""

    def __init__(self, spatial_dims: int, n_in: int, n: int, stride: int, dilation: int, norm: Norm) -> None:
        super().__init__()
        conv, n_out = Conv[Conv.CONV, spatial_dims], _EXPANSION * n
        self.body = nn.Sequential(
            *_normed(conv, n_in, n, 1, norm),
            *_normed(conv, n, n, 3, norm, stride=stride, dilation=dilation),
            *_normed(conv, n, n_out, 1, norm)[:-1],
        )
        is_same = stride == 1 and n_in == n_out
        self.shortcut = (
            nn.Identity() if is_same else nn.Sequential(*_normed(conv, n_in, n_out, 1, norm, stride=stride)[:-1])
        )

    def forward(self, features: Tensor) -> Tensor:
        found: Tensor = (self.body(features) + self.shortcut(features)).relu()
        return found


class _Pyramid(nn.Module):
    """Dilated convolutions side by side, and the mean over the image beside them."""

    def __init__(self, spatial_dims: int, n_in: int, n: int, rates: Sequence[int], norm: Norm, dropout: float) -> None:
        super().__init__()
        conv = Conv[Conv.CONV, spatial_dims]
        self.branches = nn.ModuleList(
            [
                nn.Sequential(*_normed(conv, n_in, n, 1, norm)),
                *(nn.Sequential(*_separable(spatial_dims, n_in, n, norm, rate)) for rate in rates),
            ]
        )
        # One value a channel: nothing to normalise.
        self.mean = nn.Sequential(Pool[Pool.ADAPTIVEAVG, spatial_dims](1), conv(n_in, n, 1), nn.ReLU())
        self.join = nn.Sequential(
            *_normed(conv, (len(rates) + 2) * n, n, 1, norm), Dropout[Dropout.DROPOUT, spatial_dims](dropout)
        )

    def forward(self, features: Tensor) -> Tensor:
        seen = [branch(features) for branch in self.branches]
        seen.append(self.mean(features).expand_as(seen[0]))
        found: Tensor = self.join(torch.cat(seen, dim=1))
        return found


class _FullPrecision(nn.Module):
    """A layer computed in float32 under autocast on a CPU.

    torch 2.13 takes four times as long for the gradients of a 3D convolution of every channel by itself in bfloat16.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, features: Tensor) -> Tensor:
        if not torch.jit.is_scripting() and features.device.type == "cpu":  # type: ignore[attr-defined]
            with torch.autocast("cpu", enabled=False):
                found: Tensor = self.layer(features.float())
                return found
        found = self.layer(features)
        return found


def _stage(
    spatial_dims: int, n_in: int, n: int, n_blocks: int, stride: int, dilation: int, norm: Norm
) -> nn.Sequential:
    first = _Bottleneck(spatial_dims, n_in, n, stride, dilation, norm)
    more = (_Bottleneck(spatial_dims, _EXPANSION * n, n, 1, dilation, norm) for _ in range(n_blocks - 1))
    return nn.Sequential(first, *more)


def _normed(
    conv: type[nn.Module], n_in: int, n_out: int, size: int, norm: Norm, *, stride: int = 1, dilation: int = 1
) -> list[nn.Module]:
    spatial_dims = 2 if issubclass(conv, nn.Conv2d) else 3
    padding = dilation * (size // 2)
    layer = conv(n_in, n_out, size, stride=stride, padding=padding, dilation=dilation, bias=False)
    return [layer, norm_layer(norm, spatial_dims, n_out), nn.ReLU()]


def _separable(spatial_dims: int, n_in: int, n_out: int, norm: Norm, dilation: int = 1) -> list[nn.Module]:
    """A convolution of every channel by itself, then one that mixes them."""
    conv = Conv[Conv.CONV, spatial_dims]
    each = conv(n_in, n_in, 3, padding=dilation, dilation=dilation, groups=n_in, bias=False)
    normed = [norm_layer(norm, spatial_dims, n_in), nn.ReLU()]
    return [_FullPrecision(each), *normed, *_normed(conv, n_in, n_out, 1, norm)]
