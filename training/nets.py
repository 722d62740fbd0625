"""The networks: plain 3x3 convolutions in multiples of 16 channels, the shape that ncnn's winograd code runs best.

Enlarger and denoiser take and give one luma plane in 0..1, so gray stays gray; chroma is brought up without a network.
"""

import itertools

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class Residual(nn.Module):
    """Two convolutions added to their input; the second starts at zero, so that depth costs nothing at the start."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, 1, dilation, dilation)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.relu(self.first(x)))


def chain(channels: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*[Residual(channels) for _ in range(blocks)])


def lanczos_phases(factor: int, radius: int = 3) -> Tensor:
    """Kernels (factor^2, 1, 2*radius+1, 2*radius+1) whose interleaved outputs are a Lanczos enlargement."""
    taps = np.zeros((factor, 2 * radius + 1), np.float64)
    for phase in range(factor):
        distance = np.arange(-radius, radius + 1) - (phase + 0.5) / factor + 0.5
        taps[phase] = np.sinc(distance) * np.sinc(distance / radius) * (np.abs(distance) < radius)
        taps[phase] /= taps[phase].sum()
    kernels = np.einsum("ai,bj->abij", taps, taps).reshape(factor * factor, 1, 2 * radius + 1, 2 * radius + 1)
    return torch.from_numpy(kernels.astype(np.float32))


class Enlarger(nn.Module):
    """Two levels of residual blocks correct a Lanczos enlargement, which is the first convolution's starting point.

    The half-resolution level sees 40 pixels around, which noise and JPEG blocks need, at a quarter of the price.
    Input (n, 1, h, w) with even sides, output `factor` times as large.
    """

    def __init__(
        self, factor: int = 2, wide: int = 32, deep: int = 96, blocks: tuple[int, int, int] = (1, 3, 2)
    ) -> None:
        super().__init__()
        self.factor = factor
        before, middle, after = blocks
        self.linear = nn.Conv2d(1, factor**2, 7, 1, 3, bias=False)
        self.linear.weight.data = lanczos_phases(factor)
        self.head = nn.Conv2d(1, wide, 3, 1, 1)
        self.before = chain(wide, before)
        self.down = nn.Conv2d(wide, deep, 2, 2)
        self.middle = chain(deep, middle)
        self.up = nn.Conv2d(deep, 4 * wide, 1)
        self.after = chain(wide, after)
        self.tail = nn.Conv2d(wide, factor**2, 3, 1, 1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)

    def forward(self, x: Tensor) -> Tensor:
        near = self.before(self.head(x))
        far = F.pixel_shuffle(self.up(self.middle(self.down(near))), 2)
        return F.pixel_shuffle(self.tail(self.after(near + far)) + self.linear(x), self.factor)


class Denoiser(nn.Module):
    """1x: a U-Net of three levels that starts at half resolution, added to its input; sides multiples of 8."""

    def __init__(self, widths: tuple[int, int, int] = (64, 96, 128), blocks: int = 2) -> None:
        super().__init__()
        top, middle, low = widths
        self.head = nn.Conv2d(1, top, 4, 2, 1)
        self.enter_top, self.leave_top = chain(top, blocks), chain(top, blocks)
        self.down_middle, self.up_top = nn.Conv2d(top, middle, 2, 2), nn.Conv2d(middle, 4 * top, 1)
        self.enter_middle, self.leave_middle = chain(middle, blocks), chain(middle, blocks)
        self.down_low, self.up_middle = nn.Conv2d(middle, low, 2, 2), nn.Conv2d(low, 4 * middle, 1)
        self.low = chain(low, blocks)
        self.tail = nn.Conv2d(top, 4, 3, 1, 1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)

    def forward(self, x: Tensor) -> Tensor:
        top = self.enter_top(self.head(x))
        middle = self.enter_middle(self.down_middle(top))
        middle = self.leave_middle(middle + F.pixel_shuffle(self.up_middle(self.low(self.down_low(middle))), 2))
        top = self.leave_top(top + F.pixel_shuffle(self.up_top(middle), 2))
        return x + F.pixel_shuffle(self.tail(top), 2)


def normalised(inputs: int, outputs: int, stride: int = 1, size: int = 3, dilation: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation (merged into it by the export), ReLU."""
    padding = dilation * (size // 2)
    layer = nn.Conv2d(inputs, outputs, size, stride, padding, dilation, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU())


class NormalisedResidual(nn.Module):
    """Two normalised convolutions around a shortcut."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = normalised(channels, channels, dilation=dilation)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))
        nn.init.zeros_(self.second[1].weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


class Colorizer(nn.Module):
    """L/50-1 at about 256 pixels -> logits of colour bins at a quarter of the side; sides multiples of 16.

    The mean and the maximum of the last map, what the whole scene is, scale and shift the decoder's maps (FiLM).
    """

    def __init__(self, outputs: int, widths: tuple[int, int, int, int] = (32, 64, 128, 192)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.stem = nn.Sequential(normalised(1, a, 2, 5), normalised(a, a))
        self.quarter = nn.Sequential(normalised(a, b, 2), NormalisedResidual(b))
        self.eighth = nn.Sequential(normalised(b, c, 2), NormalisedResidual(c))
        self.sixteenth = nn.Sequential(normalised(c, d, 2), NormalisedResidual(d), NormalisedResidual(d, 2))
        self.scene = nn.Sequential(nn.Conv2d(2 * d, d, 1), nn.ReLU())
        self.film_low, self.film_middle = nn.Conv2d(d, 2 * d, 1), nn.Conv2d(d, 2 * c, 1)
        self.to_middle, self.middle = nn.Conv2d(d, c, 1), NormalisedResidual(c)
        self.to_top, self.top = nn.Conv2d(c, b, 1), nn.Sequential(NormalisedResidual(b), NormalisedResidual(b))
        self.drop = nn.Dropout2d(0.2)
        self.head = nn.Conv2d(b, outputs, 1)

    @staticmethod
    def _film(x: Tensor, parameters: Tensor) -> Tensor:
        scale, shift = parameters.chunk(2, 1)
        return x * (1 + scale) + shift

    def forward(self, x: Tensor) -> Tensor:
        quarter = self.quarter(self.stem(x))
        eighth = self.eighth(quarter)
        low = self.sixteenth(eighth)
        scene = self.scene(torch.cat([F.adaptive_avg_pool2d(low, 1), F.adaptive_max_pool2d(low, 1)], 1))
        low = self._film(low, self.film_low(scene))
        middle = F.interpolate(self.to_middle(low), scale_factor=2.0, mode="nearest") + eighth
        middle = self._film(self.middle(middle), self.film_middle(scene))
        top = F.interpolate(self.to_top(middle), scale_factor=2.0, mode="nearest") + quarter
        return self.head(self.drop(self.top(top)))


class Detector(nn.Module):
    """Luma -> logit of damage: a U-Net of five levels, 1 to 1/16; sides multiples of 16.

    It begins and ends in full resolution, if only in 16 channels: thin lines and the edges of everything else are lost
    in what begins at half of it. Where few pixels are, more and dilated blocks cost little.
    Batch normalisation: without it 13 000 pictures brought an F1 of .37 only.
    """

    WIDTHS = (16, 32, 64, 96, 128)
    DILATIONS = ((), (1,), (1,), (1, 2), (1, 2, 1))  # of the blocks on the way down, by level
    BLOCKS = (2, 1, 1)  # on the way up, at 1/2, 1/4 and 1/8

    def __init__(self) -> None:
        super().__init__()
        pairs = list(itertools.pairwise(self.WIDTHS))
        self.head = normalised(1, self.WIDTHS[0])
        self.downs = nn.ModuleList([normalised(fine, coarse, 2) for fine, coarse in pairs])
        self.enter = nn.ModuleList(
            [
                nn.Sequential(*[NormalisedResidual(width, dilation) for dilation in dilations])
                for width, dilations in zip(self.WIDTHS, self.DILATIONS, strict=True)
            ]
        )
        self.ups = nn.ModuleList([nn.Conv2d(coarse, 4 * fine, 1) for fine, coarse in pairs])
        self.leave = nn.ModuleList(
            [
                nn.Sequential(*[NormalisedResidual(width) for _ in range(blocks)])
                for width, blocks in zip(self.WIDTHS[1:-1], self.BLOCKS, strict=True)
            ]
        )
        full = self.WIDTHS[0]
        self.last = nn.Sequential(nn.ReLU(), normalised(full, full), NormalisedResidual(full))
        self.tail = nn.Conv2d(self.WIDTHS[0], 1, 3, 1, 1)
        nn.init.zeros_(self.tail.weight)
        nn.init.constant_(self.tail.bias, -3.0)  # so many pixels are damaged

    def forward(self, x: Tensor) -> Tensor:
        maps = [self.head(x)]
        for down, enter in zip(self.downs, self.enter[1:], strict=True):
            maps.append(enter(down(maps[-1])))
        y = maps.pop()
        for up, leave in zip(reversed(self.ups), reversed([self.last, *self.leave]), strict=True):
            y = leave(F.pixel_shuffle(up(y), 2) + maps.pop())
        return self.tail(y)


class Pyramid(nn.Module):
    """A U-Net of four levels, 1/2 to 1/16; the full resolution comes from four numbers per place.

    Sides multiples of 16.
    """

    def __init__(self, inputs: int, widths: tuple[int, ...] = (32, 64, 96, 128)) -> None:
        super().__init__()
        pairs = list(itertools.pairwise(widths))
        self.head = nn.Conv2d(inputs, widths[0], 4, 2, 1)
        self.enter = nn.ModuleList([NormalisedResidual(width) for width in widths])
        self.downs = nn.ModuleList([normalised(fine, coarse, 2) for fine, coarse in pairs])
        self.ups = nn.ModuleList([nn.Conv2d(coarse, 4 * fine, 1) for fine, coarse in pairs])
        self.leave = nn.ModuleList([NormalisedResidual(width) for width in widths[:-1]])
        self.tail = nn.Conv2d(widths[0], 4, 3, 1, 1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)

    def forward(self, x: Tensor) -> Tensor:
        maps = [self.enter[0](self.head(x))]
        for down, enter in zip(self.downs, self.enter[1:], strict=True):
            maps.append(enter(down(maps[-1])))
        y = maps.pop()
        for up, leave in zip(reversed(self.ups), reversed(self.leave), strict=True):
            y = leave(F.pixel_shuffle(up(y), 2) + maps.pop())
        return F.pixel_shuffle(self.tail(y), 2)


class Filler(nn.Module):
    """Corrects a classical fill inside the mask: (fill, damaged luma, mask) -> luma."""

    def __init__(self) -> None:
        super().__init__()
        self.body = Pyramid(3)

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :1] + self.body(x) * x[:, 2:3]
