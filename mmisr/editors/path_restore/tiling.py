"""Images in overlapping patches, and how many of them are computed at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from mmisr.ops.tiling import Tiling


@dataclass(frozen=True)
class Patches(Tiling):
    """Patches of an image, blended by linear ramps.

    Source: Path-Restore's test code: patches of 63 every 53 pixels.

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

    owner: ClassVar[str] = "PathRestore.tiling"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.per_pass < 1:
            raise ValueError(f"{self.owner}.per_pass must be at least 1, got {self.per_pass}")

    def count(self, hw: tuple[int, int]) -> int:
        """Patches of an image.

        Args:
            hw: Its height and width in LR pixels.
        """
        rows, cols = self.grid(hw)
        return rows * cols

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

        Args:
            values: (B, n), in the order of :meth:`split`.
            hw: Height and width of the image in LR pixels.

        Returns:
            (B, rows, cols).
        """
        of_tiles = values.unflatten(1, self.grid(hw))
        return self.to_cells(of_tiles, hw)
