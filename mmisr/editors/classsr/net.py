"""Class module and branches as one network."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from mmisr.editors.classsr.classifier import Classifier
from mmisr.ops.dispatch import each_by_its_own

TILES_PER_PASS = 64
"""More tiles of a class run in several passes: their activations would not fit the caches."""


class ClassSRNet(nn.Module):
    """M networks of one scale, and the class module that says which a tile needs.

    Source: "ClassSR: A General Framework to Accelerate Super-Resolution Networks by Data
    Characteristic" (Kong, Zhao, Qiao, Dong; CVPR 2021), figure 3.

    Args:
        branches: Networks (N, 3, t, t) to (N, 3, s*t, s*t), smallest first.
    """

    def __init__(self, branches: Sequence[nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.classifier = Classifier(len(branches))

    def forward(self, tiles: Tensor, classes: Tensor) -> Tensor:
        """Each tile by its own branch; the tiles of a class run together.

        Args:
            tiles: (N, 3, t, t) RGB in [0, 1].
            classes: (N,) int64.

        Returns:
            (N, 3, s*t, s*t).
        """
        return each_by_its_own(self.branches, tiles, classes, TILES_PER_PASS)

    def all_branches(self, tiles: Tensor) -> list[Tensor]:
        """What every branch makes of (N, 3, t, t) tiles: M of (N, 3, s*t, s*t)."""
        return [branch(tiles) for branch in self.branches]
