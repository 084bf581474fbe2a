import math
from collections.abc import Sequence

import torch
from monai.networks.layers.factories import Conv, Dropout, Pool
from torch import Tensor, nn
from torch.nn.functional import pad

from medseg.networks.initialise import initialise
from medseg.networks.norm import Norm, norm_layer
from medseg.networks.per_axis import per_axis
from medseg.networks.require import require_choice, require_multiple, require_positive
from medseg.networks.widened import widened

HEADS = ("single", "series")
# Features of each level at width 1, of the attention branch and of the segmentation branch; of its last blocks; and of
# a side output.
_ATTENTION, _SEGMENTATION, _LAST, _SIDE = (32, 64, 128, 256), (64, 128, 256, 512), (32, 16, 4), 32
# Squeezed and last features, at least as many as the published network's narrowest block has: a single one could fall
# silent, and tells classes apart badly.
_REDUCTION, _FEWEST = 16, 4

Step = tuple[int, ...]


class FocusNet(nn.Module):
    """Residual encoder-decoder with a second, smaller one beside it that gates its features.

    The attention branch gives a full feature map at each of the three upper levels; its sigmoid multiplies the features
    of the segmentation branch there, between two squeeze-and-excitation blocks. This is the FocusNet of Kaul et al.,
    not that of Gao et al. for organs of the head and neck.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        out_channels: Classes, the background among them; 1 for a binary mask.
        head: ``single`` for one 1 x 1 convolution, as published at ISBI 2019; ``series`` for side outputs of every
            decoder level that are fused, as in the authors' later code.
        width: Multiplies the features of every layer; the last ones are never fewer than 4 or than there are classes.
        stem_size: Kernel of the segmentation branch's first convolution, odd. 3 spares much in 3D.
        strides: By how much each of the four lower levels is coarser than the one above it: a number, or one an axis.
        norm: Normalisation, in MONAI's way: a name, or a name and its options.
        dropout: Share of the attention branch's deepest features left out in training.

    Raises:
        ValueError: An argument is out of range.

    Source: Kaul, Manandhar and Pears, ISBI 2019, arXiv:1902.03091; the layers as in the authors' published code.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        *,
        head: str = "single",
        width: float = 1.0,
        stem_size: int = 7,
        strides: Sequence[int | Sequence[int]] = (2, 2, 2, 2),
        norm: Norm = "batch",
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        require_choice("spatial_dims", spatial_dims, (2, 3))
        require_choice("head", head, HEADS)
        require_positive(in_channels=in_channels, out_channels=out_channels, width=width)
        if stem_size < 1 or stem_size % 2 == 0:
            raise ValueError(f"`stem_size` must be odd and positive, got {stem_size}")
        steps = per_axis("strides", strides, 4, spatial_dims)
        narrow, wide = (widened(features, width) for features in (_ATTENTION, _SEGMENTATION))
        # One feature would order the classes along a line, and between the first and the last always lie the others.
        last = [max(n, _FEWEST, out_channels) for n in widened(_LAST, width)]
        self.multiple = list(_product(steps))
        self.attention = _Attention(spatial_dims, in_channels, narrow, wide[:3], steps[:3], norm, dropout)
        self.stem = nn.Sequential(
            Conv[Conv.CONV, spatial_dims](in_channels, wide[0], stem_size, padding=stem_size // 2),
            norm_layer(norm, spatial_dims, wide[0]),
            nn.ReLU(),
        )
        before = (wide[0], *wide)
        self.levels = nn.ModuleList(
            _Gated(spatial_dims, before[level], wide[level], steps[level], norm) for level in range(3)
        )
        self.bottom = nn.Sequential(
            _Residual(spatial_dims, wide[2], wide[3], None, norm),
            _Excitation(spatial_dims, wide[3]),
            _Residual(spatial_dims, wide[3], wide[3], steps[3], norm),
        )
        self.decode = nn.ModuleList(
            _Decoder(spatial_dims, wide[level + 1], wide[level], wide[level], steps[level + 1], norm)
            for level in (2, 1, 0)
        )
        self.last = _Decoder(spatial_dims, wide[0], wide[0], last[0], steps[0], norm)
        self.finish = nn.Sequential(
            _Residual(spatial_dims, last[0], last[1], None, norm), _Residual(spatial_dims, last[1], last[2], None, norm)
        )
        if head == "single":
            self.head: nn.Module = _SingleHead(spatial_dims, last[2], out_channels)
        else:
            scales = [_product(steps[: level + 1]) for level in (2, 1, 0)]
            side = widened((_SIDE,), width)[0]
            self.head = _SeriesHead(spatial_dims, wide[2::-1], scales, last[2], side, out_channels)
        initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        """Logits ``(B, out_channels, H, W[, D])`` of an image ``(B, in_channels, H, W[, D])``.

        Raises:
            ValueError: A side of the image is no multiple of its axis's strides, multiplied.
        """
        require_multiple(image, self.multiple)
        gates = self.attention(image)
        stem = self.stem(image)
        skipped: list[Tensor] = []
        features = stem
        for i, level in enumerate(self.levels):
            features = level(features, gates[i])
            skipped.append(features)
        features = self.bottom(features)
        decoded: list[Tensor] = []
        for i, decode in enumerate(self.decode):
            features = decode(features, skipped[-1 - i])
            decoded.append(features)
        found: Tensor = self.head(self.finish(self.last(features, stem)), decoded)
        return found

    @torch.jit.unused
    def attention_maps(self, image: Tensor) -> list[Tensor]:
        """Gates between 0 and 1 of the three upper levels, the finest first: ``(B, features, H', W'[, D'])`` each."""
        require_multiple(image, self.multiple)
        return list(self.attention(image))


class _Residual(nn.Module):
    """Two convolutions and a shortcut; with a step it shrinks, and normalises first.

    Source: He et al. 2016, arXiv:1603.05027.
    """

    def __init__(self, spatial_dims: int, n_in: int, n_out: int, step: Step | None, norm: Norm) -> None:
        super().__init__()
        conv = Conv[Conv.CONV, spatial_dims]
        first = [norm_layer(norm, spatial_dims, n_in), nn.ReLU()] if step else []
        self.body = nn.Sequential(
            *first,
            conv(n_in, n_out, 3, stride=step or 1, padding=1),
            norm_layer(norm, spatial_dims, n_out),
            nn.ReLU(),
            conv(n_out, n_out, 3, padding=1),
        )
        is_same = step is None and n_in == n_out
        self.shortcut = nn.Identity() if is_same else conv(n_in, n_out, 1, stride=step or 1)

    def forward(self, features: Tensor) -> Tensor:
        found: Tensor = self.body(features) + self.shortcut(features)
        return found


class _Excitation(nn.Module):
    """Squeeze and excitation. Source: Hu et al. 2018, arXiv:1709.01507."""

    def __init__(self, spatial_dims: int, n: int) -> None:
        super().__init__()
        conv, inner = Conv[Conv.CONV, spatial_dims], max(n // _REDUCTION, _FEWEST)
        self.weight = nn.Sequential(
            Pool[Pool.ADAPTIVEAVG, spatial_dims](1),
            conv(n, inner, 1, bias=False),
            nn.ReLU(),
            conv(inner, n, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        found: Tensor = features * self.weight(features)
        return found


class _Up(nn.Module):
    """Nearest upsampling, then a convolution as large as the step."""

    def __init__(self, spatial_dims: int, n_in: int, n_out: int, step: Step) -> None:
        super().__init__()
        self.repeat = nn.Upsample(scale_factor=tuple(map(float, step)))
        self.conv = Conv[Conv.CONV, spatial_dims](n_in, n_out, step)
        # Before and after every axis, the last axis first; an even kernel reaches one farther behind than ahead.
        self.padding = [side for size in reversed(step) for side in ((size - 1) // 2, size // 2)]

    def forward(self, features: Tensor) -> Tensor:
        found: Tensor = self.conv(pad(self.repeat(features), self.padding)).relu()
        return found


class _Decoder(nn.Module):
    """Features of the level below, grown, beside those skipped."""

    def __init__(self, spatial_dims: int, n_below: int, n_skip: int, n: int, step: Step, norm: Norm) -> None:
        super().__init__()
        self.up = _Up(spatial_dims, n_below, n, step)
        self.block = _Residual(spatial_dims, n_skip + n, n, None, norm)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        found: Tensor = self.block(torch.cat([skip, self.up(below)], dim=1))
        return found


class _Gated(nn.Module):
    """One level of the segmentation branch's encoder."""

    def __init__(self, spatial_dims: int, n_in: int, n: int, step: Step, norm: Norm) -> None:
        super().__init__()
        self.block = nn.Sequential(_Residual(spatial_dims, n_in, n, None, norm), _Excitation(spatial_dims, n))
        self.excite = _Excitation(spatial_dims, n)
        self.shrink = _Residual(spatial_dims, n, n, step, norm)

    def forward(self, features: Tensor, gate: Tensor) -> Tensor:
        found: Tensor = self.shrink(self.excite(self.block(features) * gate))
        return found


class _Attention(nn.Module):
    """The branch that gives the gates."""

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        narrow: Sequence[int],
        wide: Sequence[int],
        steps: Sequence[Step],
        norm: Norm,
        dropout: float,
    ) -> None:
        super().__init__()
        self.first = nn.Sequential(
            Conv[Conv.CONV, spatial_dims](in_channels, narrow[0], 3, padding=1, bias=False),
            norm_layer(norm, spatial_dims, narrow[0]),
            nn.LeakyReLU(0.3),
        )
        self.shrink = nn.ModuleList(
            nn.Sequential(
                _Residual(spatial_dims, narrow[level], narrow[level], steps[level], norm),
                _Residual(spatial_dims, narrow[level], narrow[level + 1], None, norm),
            )
            for level in range(3)
        )
        self.dropout = Dropout[Dropout.DROPOUT, spatial_dims](dropout)
        below = (*wide[1:], narrow[3])
        self.decode = nn.ModuleList(
            _Decoder(spatial_dims, below[level], narrow[level], wide[level], steps[level], norm) for level in (2, 1, 0)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        features = self.first(image)
        skipped: list[Tensor] = []
        for shrink in self.shrink:
            skipped.append(features)
            features = shrink(features)
        features = self.dropout(features)
        gates: list[Tensor] = []
        for i, decode in enumerate(self.decode):
            features = decode(features, skipped[-1 - i])
            gates.append(features.sigmoid())
        return gates[::-1]


class _SingleHead(nn.Module):
    def __init__(self, spatial_dims: int, n: int, out_channels: int) -> None:
        super().__init__()
        self.conv = Conv[Conv.CONV, spatial_dims](n, out_channels, 1)

    def forward(self, features: Tensor, decoded: list[Tensor]) -> Tensor:
        found: Tensor = self.conv(features)
        return found


class _SeriesHead(nn.Module):
    """What every level of the decoder would say, and what is made of it."""

    def __init__(
        self,
        spatial_dims: int,
        features: Sequence[int],
        scales: Sequence[Step],
        n_last: int,
        n_side: int,
        out_channels: int,
    ) -> None:
        super().__init__()
        conv = Conv[Conv.CONV, spatial_dims]
        self.sides = nn.ModuleList(
            nn.Sequential(
                nn.Upsample(scale_factor=tuple(map(float, scale))),
                conv(n, n_side, 3, padding=1),
                nn.ReLU(),
                conv(n_side, out_channels, 1),
            )
            for n, scale in zip(features, scales, strict=True)
        )
        self.own = conv(n_last, out_channels, 1)
        self.fuse = nn.Sequential(
            conv(4 * out_channels, n_side, 3, padding=1), nn.ReLU(), conv(n_side, out_channels, 1)
        )

    def forward(self, features: Tensor, decoded: list[Tensor]) -> Tensor:
        said = [self.own(features).sigmoid()]
        for i, side in enumerate(self.sides):
            said.append(side(decoded[i]).sigmoid())
        found: Tensor = self.fuse(torch.cat(said, dim=1))
        return found


def _product(steps: Sequence[Step]) -> Step:
    return tuple(math.prod(sizes) for sizes in zip(*steps, strict=True))
