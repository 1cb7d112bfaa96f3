"""Strategy ``Frozen``: the SR editor is fixed.

The detector is trained on its output, or only tested.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mmisr.openmmlab.detector import DetDataSample
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.strategy import Losses, Phase, Strategy
from mmisr.pipeline.teaching import fixed_images
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

    def losses(
        self, model: SRDetector, lr: Sequence[Tensor], samples: Sequence[DetDataSample]
    ) -> Losses:
        """The detector's own losses on the SR images.

        Args:
            model: The pair.
            lr: (3, h_i, w_i) LR images, RGB in [0, 1].
            samples: Their samples, ground truth in the source frame.
        """
        images = fixed_images(model, lr, samples)
        return model.detection_losses(images, samples)
