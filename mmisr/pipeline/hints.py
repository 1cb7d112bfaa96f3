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
from mmisr.ops.boxes import clip, grow
from mmisr.ops.masks import resize_masks
from mmisr.ops.modes import evaluating
from mmisr.ops.resample import resize
from mmisr.pipeline.handoff import Handoff
from mmisr.structures.checks import check_fields
from mmisr.structures.frames import FrameMap, hw_of
from mmisr.structures.hints import BatchHints, Found


@dataclass(frozen=True)
class PriorPass:
    """A first pass of the detector, on a bicubic enlargement.

    What it finds routes tokens, or tells an editor with a prior what is where.

    Args:
        score_thr: Boxes of at least this score count.
        dilate_px: Every box grows by this many LR pixels on each side.
        checkpoint: Weights of a detector for this pass alone, of the pair's architecture: one that
            was trained on bicubic images, say. None for the pair's own, whatever they become.

    Raises:
        ValueError: ``score_thr`` is not in [0, 1] or ``dilate_px`` is negative.
    """

    score_thr: float = 0.05
    dilate_px: float = 0.0
    checkpoint: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, "prior")
        if not 0 <= self.score_thr <= 1 or self.dilate_px < 0:
            raise ValueError(
                "prior needs 0 <= score_thr <= 1 and dilate_px >= 0, "
                f"got score_thr={self.score_thr}, dilate_px={self.dilate_px}"
            )

    @torch.no_grad()
    def find(
        self,
        lr: Sequence[Tensor],
        samples: Sequence[DetDataSample],
        scale: int,
        detector: BaseDetector,
    ) -> list[Found]:
        """Detect on enlarged images; the detector is in evaluation meanwhile.

        Args:
            lr: (3, h_i, w_i) RGB in [0, 1].
            samples: One sample per image.
            scale: Factor of the enlargement, per axis.
            detector: The detector.

        Returns:
            One record per image.
        """
        enlarged = [_enlarged(image, scale) for image in lr]
        batch = Handoff()(enlarged, samples, detector, training=False)
        with evaluating(detector):
            predictions = detector.predict(batch.inputs, batch.samples)
        found = []
        for prediction, source, image in zip(predictions, enlarged, lr, strict=True):
            to_lr = FrameMap.between(hw_of(source), hw_of(image))
            of_image = self._found(prediction, to_lr, hw_of(image))
            found.append(of_image)
        return found

    def _found(self, prediction: DetDataSample, to_lr: FrameMap, lr_hw: tuple[int, int]) -> Found:
        """What counts of a prediction on an enlarged image, in the lr frame."""
        instances = prediction.pred_instances
        is_sure = instances.scores >= self.score_thr
        sure = instances[is_sure]
        boxes = to_lr.boxes(sure.bboxes)
        grown = grow(boxes, self.dilate_px)
        inside = clip(grown, lr_hw)
        masks = sure.get("masks")
        if masks is not None:
            masks = resize_masks(masks, lr_hw)
        return Found(
            boxes_lr=inside,
            scores=sure.scores,
            labels=sure.labels,
            masks_lr=masks,
        )


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
