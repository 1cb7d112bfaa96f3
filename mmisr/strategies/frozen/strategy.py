"""Strategy ``Frozen``: the SR editor is fixed.

The detector is trained on its output, or only tested.
"""

from __future__ import annotations

from mmisr.pipeline.strategy import Losses, Phase, Strategy
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.registry import STRATEGIES


@STRATEGIES.register_module()
class Frozen(Strategy):
    """SR fixed (S -> T): detection loss only, on SR images made without gradients.

    The editor's parameters take no gradient, so they stay out of the optimiser and need no
    ``find_unused_parameters`` under DistributedDataParallel.
    """

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase: the detector learns."""
        return (Phase("detector", ("detector",), self.losses),)

    def losses(self, batch: TrainingBatch) -> Losses:
        """The detector's own losses on the SR images.

        Args:
            batch: What is seen of this iteration.
        """
        images = batch.fixed_images()
        return batch.detection_losses(images)
