"""Test-time augmentation ``MaskTTA``: mmdet's own, with masks."""

from __future__ import annotations

import torch
from torch import Tensor

from mmisr.openmmlab.stack import prepare

prepare()

from mmcv.ops import batched_nms
from mmdet.models.test_time_augs import DetTTAModel
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmisr.registry import MODELS

__all__ = ["FLIPPED_AXES", "MaskTTA"]

FLIPPED_AXES = {"horizontal": (-1,), "vertical": (-2,), "diagonal": (-2, -1)}
"""Axes of (N, H, W) masks that each of mmdet's directions flips."""


@MODELS.register_module()
class MaskTTA(DetTTAModel):
    """mmdet's ``DetTTAModel``, which refuses instance segmentation, for detectors with masks too.

    A detection that the suppression leaves keeps the mask of the view that it was found in, flipped
    back. Without masks this is mmdet's own.

    Convention: the views of an image are of one size, its source frame, and differ by flips.

    The arguments are those of mmdet's ``DetTTAModel``.
    """

    def _merge_single_sample(self, data_samples: list[DetDataSample]) -> DetDataSample:
        if "masks" not in data_samples[0].pred_instances:
            return super()._merge_single_sample(data_samples)
        together = InstanceData.cat([_flipped_back(sample) for sample in data_samples])
        merged = data_samples[0]
        if len(together):
            scored, kept = batched_nms(
                together.bboxes,
                together.scores,
                together.labels,
                self.tta_cfg.nms,
            )
            kept = kept[: self.tta_cfg.max_per_img]
            together = together[kept]
            scores = scored[:, -1]
            together.scores = scores[: len(kept)]
        merged.pred_instances = together
        return merged


def _flipped_back(sample: DetDataSample) -> InstanceData:
    """What was found in a view, boxes and masks, in the frame of the image that was flipped."""
    instances = sample.pred_instances
    if isinstance(instances.masks, list):
        raise ValueError(
            "MaskTTA flips masks back, which must be pixels, and model.test_cfg.masks='runs' gives "
            "run lengths: set it to 'pixels', or test without TTA"
        )
    found = InstanceData(
        bboxes=instances.bboxes,
        scores=instances.scores,
        labels=instances.labels,
        masks=instances.masks,
    )
    if sample.metainfo.get("flip"):
        axes = FLIPPED_AXES[sample.flip_direction]
        found.masks = instances.masks.flip(axes)
        found.bboxes = _flipped(instances.bboxes, sample.ori_shape[:2], axes)
    return found


def _flipped(xyxy: Tensor, hw: tuple[int, int], axes: tuple[int, ...]) -> Tensor:
    """(N, 4) boxes of an image that is flipped along its axes, -2 for rows and -1 for columns."""
    height, width = hw
    x1, y1, x2, y2 = xyxy.unbind(-1)
    if -1 in axes:
        x1, x2 = width - x2, width - x1
    if -2 in axes:
        y1, y2 = height - y2, height - y1
    return torch.stack([x1, y1, x2, y2], -1)
