"""Images in overlapping patches, and patches seen as tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mmisr.ops.patches import patch_corners, ramp, split, stitch
from mmisr.ops.tokens import grid_hw
from mmisr.structures.checks import check_fields


@dataclass(frozen=True)
class Tiling:
    """Patches of an image, each flush with the border where the steps leave a rest.

    Source: Path-Restore's test code: patches of 63 every 53 pixels, blended by linear ramps.

    Args:
        size: Side of a patch in LR pixels.
        stride: Steps from one patch to the next.
        per_pass: Patches that are computed at once, which bounds the memory.

    Raises:
        ValueError: A step larger than a patch, or a number below 1.
    """

    size: int = 63
    stride: int = 53
    per_pass: int = 64

    def __post_init__(self) -> None:
        check_fields(self, "PathRestore.tiling")
        if not 1 <= self.stride <= self.size or self.per_pass < 1:
            raise ValueError(
                "PathRestore.tiling needs 1 <= stride <= size and per_pass >= 1, got "
                f"stride={self.stride!r}, size={self.size!r}, per_pass={self.per_pass!r}: patches "
                "overlap by size - stride pixels, and leave no gaps"
            )

    def split(self, images: Tensor, scale: int = 1) -> Tensor:
        """(B, C, s*h, s*w) to (B * n, C, s*size, s*size), image by image, row by row.

        Args:
            images: At least a patch on each side.
            scale: s, the factor from LR pixels to those of the images.
        """
        size, stride = self._scaled(scale)
        return split(images, size, stride)

    def stitch(self, patches: Tensor, hw: tuple[int, int], scale: int = 1) -> Tensor:
        """The inverse of :meth:`split`, blended by ramps.

        Args:
            patches: (B * n, C, s*size, s*size).
            hw: Height and width of the LR image.
            scale: s.
        """
        size, stride = self._scaled(scale)
        height, width = hw
        whole = height * scale, width * scale
        return stitch(patches, whole, stride, ramp(size, stride))

    def count(self, hw: tuple[int, int]) -> int:
        """Patches of an image.

        Args:
            hw: Its height and width in LR pixels.
        """
        size, stride = self._scaled(1)
        return len(patch_corners(hw, size, stride))

    def passes(self, images: int, per_image: int) -> Iterator[tuple[slice, int]]:
        """Which patches are computed at once: whole images, or parts of one.

        Args:
            images: Number of images.
            per_image: Patches of each.

        Yields:
            Patches, and how many images they are of.
        """
        together = self.per_pass // per_image
        together = max(1, together)
        for first in range(0, images, together):
            behind = min(images, first + together)
            count = behind - first
            end = behind * per_image
            start = first * per_image
            while start < end:
                stop = start + self.per_pass
                stop = min(end, stop)
                part = slice(start, stop)
                yield part, count
                start = stop

    def on_tokens(self, values: Tensor, hw: tuple[int, int]) -> Tensor:
        """What was found of patches, on a grid of tokens as wide as a step.

        A token has the value of the patch whose centre is nearest to its own: the one that weighs
        most there.

        Args:
            values: (B, n), in the order of :meth:`split`.
            hw: Height and width of the image in LR pixels.

        Returns:
            (B, rows, cols).
        """
        height, width = hw
        rows = self._starts(height)
        cols = self._starts(width)
        num_rows = len(rows)
        num_cols = len(cols)
        shape = num_rows, num_cols
        grid = values.unflatten(1, shape)
        nearest_row = self._nearest(rows, height)
        nearest_col = self._nearest(cols, width)
        of_rows = grid[:, nearest_row]
        return of_rows[:, :, nearest_col]

    def _starts(self, side: int) -> Tensor:
        """Where the patches along a side begin."""
        last = side - self.size
        return torch.tensor([*range(0, last, self.stride), last])

    def _nearest(self, starts: Tensor, side: int) -> Tensor:
        """Of the tokens along a side, the number of the nearest patch."""
        count, _ = grid_hw((side, side), self.stride)
        numbers = torch.arange(count)
        half = self.stride / 2
        of_tokens = numbers * self.stride + half
        of_tokens = of_tokens.clamp(max=side)
        half = self.size / 2
        of_patches = starts + half
        distance = of_patches - of_tokens[:, None]
        return distance.abs().argmin(1)

    def _scaled(self, scale: int) -> tuple[tuple[int, int], tuple[int, int]]:
        size = self.size * scale
        stride = self.stride * scale
        return (size, size), (stride, stride)
