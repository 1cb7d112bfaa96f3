"""Strategy ``Frozen``: the SR editor is fixed; the detector is trained on its output, or only tested."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmisr.openmmlab.detector import DetDataSample
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.strategy import OnePhase
from mmisr.registry import STRATEGIES


@STRATEGIES.register_module()
class Frozen(OnePhase):
    """SR fixed (S -> T): detection loss only, on SR images made without gradients.

    The editor's parameters take no gradient, so they stay out of the optimiser and need no
    ``find_unused_parameters`` under DistributedDataParallel.
    """

    def set_up(self, model: SRDetector) -> None:
        """Freeze the editor."""
        model.editor.requires_grad_(False)

    def set_modes(self, model: SRDetector) -> None:
        """Keep the editor in evaluation."""
        model.editor.eval()

    def losses(
        self, model: SRDetector, lr: Sequence[Tensor], samples: Sequence[DetDataSample]
    ) -> dict[str, Tensor | list[Tensor]]:
        """The detector's own losses on the SR images."""
        with torch.no_grad():
            results = model.upscale(lr, samples)
        return model.detection_losses([r.image[0] for r in results], samples)
