"""What an SR editor reads beside the image, and what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class UpscaleHints:
    """Optional facts about a batch that some routers use; most editors ignore them.

    Args:
        boxes_lr: For each image (N_i, 4) xyxy boxes in the lr frame. Ground truth for the oracle router (which leaks),
            detections of a cheap pass for the detector-prior router.
        seeds: For each image an integer that random choices derive from, so that a result does not depend on the
            batch an image comes in.
    """

    boxes_lr: Sequence[Tensor] | None = None
    seeds: Sequence[int] | None = None

    def select(self, indices: Sequence[int]) -> UpscaleHints:
        """The hints of the images at ``indices``."""
        return UpscaleHints(
            None if self.boxes_lr is None else [self.boxes_lr[i] for i in indices],
            None if self.seeds is None else [self.seeds[i] for i in indices],
        )


@dataclass(frozen=True)
class RoutingMap:
    """Which exit each token left by.

    Args:
        exits: (B, rows, cols) integers, 0 easy, 1 moderate, 2 hard.
        token_size: Side of a token in LR pixels.
        num_exits: How many exits the editor has.
    """

    exits: Tensor
    token_size: int
    num_exits: int = 3

    def shares(self) -> Tensor:
        """(B, num_exits) share of each image's tokens that left by each exit; rows sum to 1."""
        flat = self.exits.flatten(1).long()
        counts = torch.stack([(flat == k).sum(1) for k in range(self.num_exits)], dim=1)
        return counts / flat.shape[1]


@dataclass
class SRResult:
    """The output of ``SREditor.upscale``.

    Args:
        image: (B, 3, s*h, s*w) RGB, clamped to [0, 1] in evaluation, unclamped in training.
        routing: The routing map of an adaptive editor, else None.
        aux: Extra tensors by name for losses and analysis (exits, logits).
    """

    image: Tensor
    routing: RoutingMap | None = None
    aux: dict[str, Tensor] | None = None
