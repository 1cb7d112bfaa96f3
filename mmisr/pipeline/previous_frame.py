"""Route a frame of a video by what was found in the frame before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from mmisr.openmmlab.detector import DetDataSample
from mmisr.pipeline.hints import PriorPass


@dataclass(frozen=True)
class PreviousFrame(PriorPass):
    """Routes a frame of a video by the boxes found in the frame before.

    The first frame, and one after a frame without boxes, has a detector pass of its own. Fields as
    in :class:`PriorPass`.
    """

    last: list[Tensor] = field(default_factory=list)

    def boxes(self, lr: Sequence[Tensor], samples: Any, scale: int, detector: Any) -> list[Tensor]:
        """Boxes of the frame before, in the lr frame, one (N, 4) tensor for the one image."""
        return list(self.last) or super().boxes(lr, samples, scale, detector)

    def remember(self, sample: DetDataSample) -> None:
        """Keep what was found; LR is native, so its boxes are in the lr frame."""
        instances = sample.pred_instances
        boxes = instances.bboxes[instances.scores >= self.score_thr]
        grow = boxes.new_tensor([-1, -1, 1, 1]) * self.dilate_px
        self.last[:] = [boxes + grow] if len(boxes) else []
