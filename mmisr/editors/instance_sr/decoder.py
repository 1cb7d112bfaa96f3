"""The multi-exit decoder: a dense trunk for the whole frame, deep blocks for windows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmisr.editors.instance_sr.labels import HARD, MODERATE
from mmisr.ops.tokens import Rect, covered_pixels, merge_rectangles, spread


@dataclass(frozen=True)
class DecoderSize:
    """Width and depth.

    Args:
        channels: C.
        blocks: Residual units (N1, N2, N3) of the three blocks.
        fusion: Whether the fusion module runs over the stitched image.

    Raises:
        ValueError: There are not three blocks of at least one unit.
    """

    channels: int
    blocks: tuple[int, int, int]
    fusion: bool = False

    def __post_init__(self) -> None:
        if len(self.blocks) != 3 or min(self.blocks) < 1 or self.channels < 1:
            raise ValueError(f"a decoder needs channels >= 1 and three blocks of >= 1 units, got {self}")


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
        self.lanes = nn.ModuleList(
            nn.Sequential(nn.Conv2d(3, channels, k, padding=k // 2), nn.ReLU(inplace=True)) for k in (3, 5)
        )
        self.out = nn.Conv2d(2 * channels, 3, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, sr: Tensor) -> Tensor:
        """(B, 3, H, W) to the same."""
        return sr + self.out(torch.cat([lane(sr) for lane in self.lanes], 1))


class Decoder(nn.Module):
    """LR image and routing map to SR image.

    Source: InstanceSR, overview figure: three chained blocks with local and long skips, a PixelShuffle exit after each,
    fusion of the exits. What differs: an exit is one Conv(C -> 3 s^2) and a PixelShuffle on top of the bilinear LR skip,
    since a heavier tail at HR size would cap what skipping can save.

    Args:
        scale: Factor per axis.
        size: Width and depth.
        easy: How easy tokens leave: ``exit1`` by the first exit, ``interpolate`` by the bilinear skip alone.
    """

    def __init__(self, scale: int, size: DecoderSize, easy: Literal["exit1", "interpolate"] = "exit1") -> None:
        super().__init__()
        if easy not in ("exit1", "interpolate"):
            raise ValueError(f"easy must be 'exit1' or 'interpolate', got {easy!r}")
        self.scale = scale
        self.size = size
        self.easy = easy
        self.head = nn.Conv2d(3, size.channels, 3, padding=1)
        self.blocks = nn.ModuleList(Block(size.channels, n) for n in size.blocks)
        self.exits = nn.ModuleList(nn.Conv2d(size.channels, 3 * scale**2, 3, padding=1) for _ in size.blocks)
        for conv in self.exits:
            nn.init.normal_(conv.weight, std=1e-3)
            nn.init.zeros_(conv.bias)
        self.fusion = Fusion() if size.fusion else nn.Identity()

    @property
    def full_halo(self) -> int:
        """Pixels that the deep blocks and their exit see around a pixel; with this halo windows equal a dense pass."""
        return 2 * (self.size.blocks[1] + self.size.blocks[2]) + 1

    def bilinear(self, lr: Tensor) -> Tensor:
        """The skip that every exit adds to: (B, 3, h, w) to (B, 3, s*h, s*w)."""
        return F.interpolate(lr, scale_factor=self.scale, mode="bilinear", align_corners=False)

    def all_exits(self, lr: Tensor) -> list[Tensor]:
        """Every exit on every token, densely: three (B, 3, s*h, s*w) images without fusion."""
        base, x, images = self.bilinear(lr), self.head(lr), []
        for number, (block, leave) in enumerate(zip(self.blocks, self.exits, strict=True)):
            x = block(x)
            skipped = number == 0 and self.easy == "interpolate"
            images.append(base if skipped else base + F.pixel_shuffle(leave(x), self.scale))
        return images

    def stitch(self, images: list[Tensor], exits: Tensor, token: int) -> Tensor:
        """Choose every token's own exit among dense images; for training and as the reference of the sparse pass."""
        where = spread(exits, token * self.scale)
        sr = images[0]
        for number in (MODERATE, HARD):
            sr = torch.where(where == number, images[number], sr)
        return self.fusion(sr)

    def forward(self, lr: Tensor, exits: Tensor, token: int, halo: int) -> Tensor:
        """Compute only what the routing map asks for.

        Head, first block and easy exit run once over the frame. Hard tokens, then moderate ones, are covered with
        rectangles, and the deep blocks run over windows of the trunk's features.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1]; sides are multiples of ``token``.
            exits: (B, h/T, w/T) integers.
            token: T.
            halo: Pixels computed around a rectangle and thrown away; ``full_halo`` makes the result exact.

        Returns:
            (B, 3, s*h, s*w).
        """
        trunk = self.blocks[0](self.head(lr))
        base = self.bilinear(lr)
        if self.easy == "interpolate":
            residual = torch.zeros_like(base)
        else:
            residual = F.pixel_shuffle(self.exits[0](trunk), self.scale)
        for features, chosen, out in zip(trunk, exits, residual, strict=True):
            self._deepen(features[None], chosen, out[None], token, halo)
        return self.fusion(base + residual)

    def _deepen(self, trunk: Tensor, exits: Tensor, residual: Tensor, token: int, halo: int) -> None:
        """Overwrite the residual of one image where its tokens go deeper."""
        for level in (HARD, MODERATE):
            where = spread((exits == level)[None], token * self.scale).bool()
            for rect, pad in self.plan(exits, level, token, halo, trunk.shape[-2:]):
                image = self._leave(trunk, rect, level, token, pad)
                rows, cols = rect.pixels(token * self.scale)
                out = residual[..., rows, cols]
                out.copy_(torch.where(where[..., rows, cols], image, out))

    def plan(
        self, exits: Tensor, level: int, token: int, halo: int, hw: tuple[int, int]
    ) -> list[tuple[Rect, int]]:
        """Rectangles and their halo for the tokens that leave by ``level``; one dense pass where that is cheaper."""
        mask = (exits == level).cpu().numpy()
        if not mask.any():
            return []
        rects = merge_rectangles(mask, token, halo)
        if covered_pixels(rects, token, halo, hw) >= hw[0] * hw[1]:
            return [(Rect(0, 0, *mask.shape), 0)]
        return [(rect, halo) for rect in rects]

    def _leave(self, trunk: Tensor, rect: Rect, level: int, token: int, halo: int) -> Tensor:
        rows, cols = rect.window(token, halo, trunk.shape[-2:])
        x = trunk[..., rows, cols]
        for block in self.blocks[1 : level + 1]:
            x = block(x)
        rows, cols = rect.inner(token, halo)
        return F.pixel_shuffle(_conv_inside(self.exits[level], x, rows, cols), self.scale)

    def macs(self, hw: tuple[int, int], exits: Tensor, token: int, halo: int) -> float:
        """MACs of :meth:`forward` for one image: trunk, windows with their halo, exits; fusion and head included."""
        c, (n1, n2, n3) = self.size.channels, self.size.blocks
        frame, unit, leave = hw[0] * hw[1], 18 * c * c, 27 * c * self.scale**2
        total = frame * (27 * c + n1 * unit + (leave if self.easy == "exit1" else 0))
        for level, units in ((HARD, n2 + n3), (MODERATE, n2)):
            for rect, pad in self.plan(exits, level, token, halo, hw):
                total += covered_pixels([rect], token, pad, hw) * units * unit
                total += _exit_pixels(rect, token, pad, hw) * leave
        return total + (frame * self.scale**2 * (8 * 3 * (9 + 25) + 16 * 3) if self.size.fusion else 0)


def _conv_inside(conv: nn.Conv2d, x: Tensor, rows: slice, cols: slice) -> Tensor:
    """A 3x3 convolution of the inner part alone, which still sees one pixel around it."""
    top, left = min(rows.start, 1), min(cols.start, 1)
    bottom, right = min(x.shape[-2] - rows.stop, 1), min(x.shape[-1] - cols.stop, 1)
    part = conv(x[..., rows.start - top : rows.stop + bottom, cols.start - left : cols.stop + right])
    return part[..., top : top + rows.stop - rows.start, left : left + cols.stop - cols.start]


def _exit_pixels(rect: Rect, token: int, halo: int, hw: tuple[int, int]) -> int:
    return covered_pixels([rect], token, min(halo, 1), hw)
