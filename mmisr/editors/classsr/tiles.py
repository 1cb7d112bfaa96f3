"""How ClassSR cuts a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mmisr.ops.tiling import Tiling

SMALLEST = 4
"""Side of the class module's first kernel."""


@dataclass(frozen=True)
class Tiles(Tiling):
    """Tiles that are classified and super-resolved one by one.

    Source: ClassSR's test protocol, 32 LR pixels every 28. What differs: the last tile of a row or
    column is flush with the border, where the official code drops the rest.

    Args:
        size: Side of a tile in LR pixels, at least 4.
        stride: LR pixels from one tile to the next.

    Raises:
        ValueError: As :class:`Tiling`; or a tile is smaller than 4.
    """

    size: int = 32
    stride: int = 28

    owner: ClassVar[str] = "ClassSR.tiles"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size < SMALLEST:
            raise ValueError(
                f"ClassSR.tiles.size must be at least {SMALLEST}, what the class module's first "
                f"kernel spans, got {self.size}"
            )
