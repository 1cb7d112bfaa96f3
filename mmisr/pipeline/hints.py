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
        """Detect on enlarged images.

        Args:
            lr: (3, h_i, w_i) RGB in [0, 1].
            samples: One sample per image.
            scale: Factor of the enlargement, per axis.
            detector: The detector.

        Returns:
            (N_i, 4) boxes in the lr frame, one tensor per image.
        """
        enlarged = [_enlarged(image, scale) for image in lr]
        handoff = Handoff()
        batch = handoff(enlarged, samples, detector, training=False)
        predictions = detector.predict(batch.inputs, batch.samples)
        boxes = []
        for prediction, source, image in zip(predictions, enlarged, lr, strict=True):
            to_lr = FrameMap.between(hw_of(source), hw_of(image))
            boxes_lr = self._boxes_of(prediction, to_lr)
            boxes.append(boxes_lr)
        return boxes

    def _boxes_of(self, prediction: DetDataSample, to_lr: FrameMap) -> Tensor:
        instances = prediction.pred_instances
        is_sure = instances.scores >= self.score_thr
        boxes = to_lr.boxes(instances.bboxes[is_sure])
        return grow(boxes, self.dilate_px)


def _enlarged(image: Tensor, scale: int) -> Tensor:
    """(3, h, w) to (3, s*h, s*w), bicubic, RGB in [0, 1]."""
    height, width = hw_of(image)
    target = height * scale, width * scale
    enlarged = resize(image[None], target, "bicubic")
    return enlarged[0].clamp(0, 1)


def ground_truth_hints(
    lr: Sequence[Tensor], samples: Sequence[DetDataSample] | None
) -> BatchHints | None:
    """What the samples of a batch say of their LR images.

    Annotated boxes where there are some, sizes and seeds.
    """
    if samples is None:
        return None
    return [hints_of(sample, hw_of(image)) for image, sample in zip(lr, samples, strict=True)]
