"""Routing hints for a batch of the pair.

Ground-truth boxes, or the boxes of a first detector pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mmisr.openmmlab.detector import BaseDetector, DetDataSample
from mmisr.openmmlab.samples import hints_of
from mmisr.ops.boxes import grow
from mmisr.ops.resample import resize
from mmisr.pipeline.handoff import Handoff
from mmisr.structures.checks import check_fields
from mmisr.structures.frames import FrameMap, hw_of
from mmisr.structures.hints import BatchHints


@dataclass(frozen=True)
class PriorPass:
    """A first pass of the detector on a bicubic enlargement, whose boxes route the second.

    Args:
        score_thr: Boxes of at least this score count.
        dilate_px: Every box grows by this many LR pixels on each side.

    Raises:
        ValueError: ``score_thr`` is not in [0, 1] or ``dilate_px`` is negative.
    """

    score_thr: float = 0.05
    dilate_px: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self, "prior")
        if not 0 <= self.score_thr <= 1 or self.dilate_px < 0:
            raise ValueError(
                "prior needs 0 <= score_thr <= 1 and dilate_px >= 0, "
                f"got score_thr={self.score_thr}, dilate_px={self.dilate_px}"
            )

    @torch.no_grad()
    def boxes(
        self,
        lr: Sequence[Tensor],
        samples: Sequence[DetDataSample],
        scale: int,
        detector: BaseDetector,
    ) -> list[Tensor]:
        """Detected boxes in the lr frame, one (N, 4) tensor an image."""
        enlarged = [
            resize(x[None], (x.shape[-2] * scale, x.shape[-1] * scale), "bicubic")[0].clamp(0, 1)
            for x in lr
        ]
        batch = Handoff()(enlarged, samples, detector, training=False)
        found = detector.predict(batch.inputs, batch.samples)
        return [self._to_lr(f, image, x) for f, image, x in zip(found, enlarged, lr, strict=True)]

    def _to_lr(self, found: DetDataSample, image: Tensor, lr: Tensor) -> Tensor:
        instances = found.pred_instances
        kept = instances.bboxes[instances.scores >= self.score_thr]
        boxes = FrameMap.between(hw_of(image), hw_of(lr)).boxes(kept)
        return grow(boxes, self.dilate_px)


def ground_truth_hints(
    lr: Sequence[Tensor], samples: Sequence[DetDataSample] | None
) -> BatchHints | None:
    """What the samples of a batch say of their LR images.

    Annotated boxes where there are some, sizes and seeds.
    """
    if samples is None:
        return None
    return [hints_of(sample, hw_of(image)) for image, sample in zip(lr, samples, strict=True)]
