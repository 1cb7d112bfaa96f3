"""Route a frame of a video by what was found in the frame before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from mmisr.openmmlab.detector import DetDataSample
from mmisr.ops.boxes import grow
from mmisr.pipeline.found_masks import found_pixels
from mmisr.pipeline.hints import PriorPass
from mmisr.structures.hints import Found


@dataclass(frozen=True)
class PreviousFrame(PriorPass):
    """Routes a frame of a video by the boxes found in the frame before.

    The first frame, and one after a frame without boxes, has a detector pass of its own. Fields as
    in :class:`PriorPass`.
    """

    last: list[Found] = field(default_factory=list)

    def find(self, lr: Sequence[Tensor], samples: Any, scale: int, detector: Any) -> list[Found]:
        """What the frame before had, for the one image."""
        return list(self.last) or super().find(lr, samples, scale, detector)

    def remember(self, sample: DetDataSample) -> None:
        """Keep what was found; LR is native, so its boxes are in the lr frame."""
        instances = sample.pred_instances
        is_sure = instances.scores >= self.score_thr
        sure = instances[is_sure]
        self.last.clear()
        if len(sure) == 0:
            return
        boxes = grow(sure.bboxes, self.dilate_px)
        masks = found_pixels(sample)
        if masks is not None:
            masks = masks[is_sure]
        found = Found(boxes, sure.scores, sure.labels, masks)
        self.last.append(found)
