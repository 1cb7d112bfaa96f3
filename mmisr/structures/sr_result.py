"""What an SR editor returns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

EXIT_NAMES = ("easy", "moderate", "hard")
"""Of the exits of an editor with three, first to last."""


@dataclass(frozen=True)
class RoutingMap:
    """Which exit each token left by.

    Args:
        exits: (B, rows, cols) integers, from 0 for the first exit, the cheapest.
        token_size: Side of a token in LR pixels.
        exit_names: What the exits are called, from first to last.
    """

    exits: Tensor
    token_size: int
    exit_names: tuple[str, ...] = EXIT_NAMES

    def shares(self) -> Tensor:
        """(B, exits) share of each image's tokens that left by each exit; rows sum to 1."""
        flat = self.exits.flatten(1).long()
        counts = torch.stack([(flat == k).sum(1) for k in range(len(self.exit_names))], dim=1)
        return counts / flat.shape[1]

    def image(self, index: int) -> RoutingMap:
        """The map of one image of the batch, as a batch of one."""
        return replace(self, exits=self.exits[index : index + 1])

    def cpu(self) -> RoutingMap:
        """The map in the computer's own memory."""
        return replace(self, exits=self.exits.cpu())

    def cropped(self, lr_hw: tuple[int, int]) -> RoutingMap:
        """Without the tokens that lie wholly beyond an image of this height and width in LR pixels."""
        rows, cols = (-(-side // self.token_size) for side in lr_hw)
        return replace(self, exits=self.exits[:, :rows, :cols])


@dataclass
class SRResult:
    """The output of ``SREditor.upscale``.

    Args:
        image: (B, 3, s*h, s*w) RGB, clamped to [0, 1] in evaluation, unclamped in training.
        routing: The routing map of an adaptive editor, else None.
        aux: Extra tensors by name for losses and analysis (exits, logits), (B, ...) each.
    """

    image: Tensor
    routing: RoutingMap | None = None
    aux: dict[str, Tensor] | None = None

    def split(self) -> list[SRResult]:
        """One result an image, each of batch size 1.

        ``aux`` has one entry an image, or is shared where it is a scalar.
        """
        return [self._image(index) for index in range(len(self.image))]

    def _image(self, index: int) -> SRResult:
        part = slice(index, index + 1)
        aux = self.aux and {
            name: value[part] if value.ndim else value for name, value in self.aux.items()
        }
        return SRResult(self.image[part], self.routing and self.routing.image(index), aux)
