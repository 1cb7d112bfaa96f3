"""The multi-exit decoder.

Head, three chained blocks, an exit after each, and the fusion of what they give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmisr.editors.instance_sr.labels import EASY, HARD, MODERATE
from mmisr.ops.tokens import spread
from mmisr.structures.checks import check_fields

Easy = Literal["exit1", "interpolate"]


@dataclass(frozen=True)
class DecoderSize:
    """Width and depth.

    Args:
        channels: C.
        blocks: Residual units (N1, N2, N3) of the three blocks.
        fusion: Whether the fusion module runs over the stitched image.

    Raises:
        ValueError: There are not three blocks of at least one unit, or no channels.
    """

    channels: int
    blocks: tuple[int, int, int]
    fusion: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "InstanceSR.size")
        if len(self.blocks) != 3 or min(self.blocks) < 1 or self.channels < 1:
            raise ValueError(
                f"a decoder needs channels >= 1 and three blocks of >= 1 units, got {self}"
            )

    @property
    def unit_macs(self) -> int:
        """MACs of one residual unit per LR pixel."""
        return 18 * self.channels**2


SIZES = {"nano": DecoderSize(32, (1, 2, 3)), "base": DecoderSize(64, (2, 6, 8))}


class ResidualUnit(nn.Module):
    """Conv-ReLU-Conv with a skip, no normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to the same."""
        return x + self.conv2(F.relu(self.conv1(x), inplace=True))


class Block(nn.Module):
    """A chain of residual units under a long skip."""

    def __init__(self, channels: int, units: int) -> None:
        super().__init__()
        self.units = nn.Sequential(*(ResidualUnit(channels) for _ in range(units)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to the same."""
        return x + self.units(x)


class Fusion(nn.Module):
    """Two Conv+ReLU lanes over the stitched image; starts as the identity."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.lanes = nn.ModuleList()
        for kernel in (3, 5):
            margin = kernel // 2
            conv = nn.Conv2d(3, channels, kernel, padding=margin)
            relu = nn.ReLU(inplace=True)
            lane = nn.Sequential(conv, relu)
            self.lanes.append(lane)
        out = nn.Conv2d(2 * channels, 3, 1)
        self.out = _start_near_zero(out, 0.0)

    def forward(self, sr: Tensor) -> Tensor:
        """(B, 3, H, W) to the same."""
        return sr + self.out(torch.cat([lane(sr) for lane in self.lanes], 1))


def _start_near_zero(conv: nn.Conv2d, std: float) -> nn.Conv2d:
    for parameter in conv.parameters():
        nn.init.normal_(parameter, std=std if parameter.ndim > 1 else 0.0)
    return conv


def _start_alike(conv: nn.Conv2d, phases: int) -> nn.Conv2d:
    """Start the sub-pixels of a channel alike, so that none stands out from the first step on.

    Source: ICNR, Aitken et al. 2017, arXiv 1707.02937, for nearest enlargement.
    """
    with torch.no_grad():
        conv.weight.copy_(conv.weight[::phases].repeat_interleave(phases, 0))
    return conv


def bilinear_kernel(scale: int, channels: int = 3) -> Tensor:
    """(channels s^2, channels, 3, 3): enlargement by ``scale`` as a convolution to sub-pixels.

    Convention: pixel centres, ``align_corners=False``; the image is continued by its border pixels.
    """
    num_phases = scale**2
    taps = torch.tensor([-1.0, 0.0, 1.0])
    centres = (torch.arange(scale) + 0.5) / scale
    offsets = centres[:, None] - 0.5 - taps
    line = 1 - offsets.abs()
    line = line.clamp(min=0)
    phases = torch.einsum("ay,bx->abyx", line, line)
    phases = phases.reshape(num_phases, 3, 3)
    kernel = torch.zeros(channels, num_phases, channels, 3, 3)
    for channel in range(channels):
        kernel[channel, :, channel] = phases
    return kernel.flatten(0, 1)


class Decoder(nn.Module):
    """LR image to SR image, by one exit or another; what runs where is :mod:`.sparse`'s business.

    Source: InstanceSR, overview figure: three chained blocks with local and long skips, a
    PixelShuffle exit after each, fusion of the exits. What differs: an exit is one Conv(C -> 3 s^2)
    and a PixelShuffle on top of the bilinear LR skip, since a heavier tail at HR size would cap
    what skipping can save.

    Args:
        scale: Factor per axis.
        size: Width and depth.
        easy: How easy tokens leave: ``exit1`` by the first exit, ``interpolate`` by the bilinear
            skip alone.

    Raises:
        ValueError: ``easy`` is neither.
    """

    def __init__(self, scale: int, size: DecoderSize, easy: Easy = "exit1") -> None:
        super().__init__()
        if easy not in ("exit1", "interpolate"):
            raise ValueError(
                f"InstanceSR.execution.easy must be 'exit1' or 'interpolate', got {easy!r}"
            )
        self.scale = scale
        self.size = size
        self.easy = easy
        channels = size.channels
        self.head = nn.Conv2d(3, channels, 3, padding=1)
        self.blocks = nn.ModuleList(Block(channels, units) for units in size.blocks)
        self.exits = nn.ModuleList()
        num_phases = scale**2
        for _ in size.blocks:
            conv = nn.Conv2d(channels, 3 * num_phases, 3, padding=1)
            conv = _start_near_zero(conv, 1e-3)
            conv = _start_alike(conv, num_phases)
            self.exits.append(conv)
        self.fusion = Fusion() if size.fusion else nn.Identity()
        self.interpolation: Tensor
        self.register_buffer("interpolation", bilinear_kernel(scale), persistent=False)

    @property
    def full_halo(self) -> int:
        """Pixels that the deep blocks and their exit see around a pixel.

        With this halo windows equal a dense pass.
        """
        return 2 * (self.size.blocks[1] + self.size.blocks[2]) + 1

    @property
    def trunk_macs(self) -> int:
        """MACs of head, first block and bilinear skip per LR pixel: what every token needs."""
        return (
            27 * self.size.channels + self.size.blocks[0] * self.size.unit_macs + 81 * self.scale**2
        )

    @property
    def exit_macs(self) -> int:
        """MACs of one exit per LR pixel."""
        return 27 * self.size.channels * self.scale**2

    @property
    def fusion_macs(self) -> int:
        """MACs of the fusion module per LR pixel."""
        weights = [p.numel() for p in self.fusion.parameters() if p.ndim == 4]
        return self.scale**2 * sum(weights)

    def skip(self, lr: Tensor) -> Tensor:
        """The bilinear enlargement that every exit adds to.

        Bilinear interpolation by a whole factor is a fixed 3x3 convolution to sub-pixels; one
        PixelShuffle at the end then serves skip and exit.

        Args:
            lr: (B, 3, h, w).

        Returns:
            (B, 3 s^2, h, w) sub-pixels.
        """
        padded = F.pad(lr, [1] * 4, mode="replicate")
        return F.conv2d(padded, self.interpolation.to(padded.dtype))

    def enlarge(self, subpixels: Tensor) -> Tensor:
        """(B, 3 s^2, h, w) to the image (B, 3, s*h, s*w)."""
        return F.pixel_shuffle(subpixels, self.scale)

    def trunk(self, lr: Tensor) -> Tensor:
        """What every token needs: head and first block, (B, 3, h, w) to (B, C, h, w)."""
        return self.blocks[0](self.head(lr))

    def all_exits(self, lr: Tensor) -> list[Tensor]:
        """Every exit on every token, densely: three (B, 3, s*h, s*w) images without fusion."""
        skip = self.skip(lr)
        x = self.trunk(lr)
        easy = self.leave_easy(skip, x)
        images = [self.enlarge(easy)]
        for level in (MODERATE, HARD):
            block = self.blocks[level]
            x = block(x)
            subpixels = skip + self.leave(level, x)
            image = self.enlarge(subpixels)
            images.append(image)
        return images

    def leave_easy(self, skip: Tensor, trunk: Tensor) -> Tensor:
        """Sub-pixels of easy tokens, (B, 3 s^2, h, w).

        Args:
            skip: (B, 3 s^2, h, w), the bilinear enlargement.
            trunk: (B, C, h, w), the trunk's features.
        """
        return self.leave(EASY, trunk).add_(skip) if self.easy == "exit1" else skip

    def leave(self, level: int, x: Tensor, padding: int = 1) -> Tensor:
        """What the exit of ``level`` adds to the skip.

        (N, C, h, w) to (N, 3 s^2, h, w) with the padding of 1.
        """
        conv = cast(nn.Conv2d, self.exits[level])
        return F.conv2d(x, conv.weight, conv.bias, padding=padding)

    def stitch(self, images: list[Tensor], exits: Tensor, token: int) -> Tensor:
        """Choose every token's own exit among dense images.

        For training and as the reference of the sparse pass.
        """
        side = token * self.scale
        exit_of_pixel = spread(exits, side)
        sr = images[EASY]
        for level in (MODERATE, HARD):
            image = images[level]
            leaves_here = exit_of_pixel == level
            sr = torch.where(leaves_here, image, sr)
        return self.fusion(sr)
