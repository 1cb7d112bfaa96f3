"""The detector side of the door: build an unmodified mmdet detector and speak its data format."""

from __future__ import annotations

import copy

import torch
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from mmisr.openmmlab.stack import prepare
from mmisr.ops.boxes import clip

prepare()

from mmdet.models.detectors.base import BaseDetector
from mmdet.registry import MODELS as MMDET_MODELS
from mmdet.structures import DetDataSample

from mmisr.openmmlab.masks import bitmaps
from mmisr.ops.masks import resize_masks
from mmisr.structures.frames import FrameMap

__all__ = ["BaseDetector", "DetDataSample", "build_detector", "detector_sample", "to_source"]


def build_detector(config: dict) -> BaseDetector:
    """Build a detector from an mmdet model config.

    Args:
        config: The ``model`` of an mmdet config. Types without a scope are looked up in mmdet.

    Returns:
        The detector, with its own data preprocessor.

    Raises:
        TypeError: ``config`` is not a dict, or builds something that is no mmdet detector.
    """
    if not isinstance(config, dict):
        raise TypeError(
            f"detector must be the `model` dict of an mmdet config, got {type(config).__name__}"
        )
    config = ConfigDict(copy.deepcopy(config))
    config.setdefault("_scope_", "mmdet")
    detector = MMDET_MODELS.build(config)
    if not isinstance(detector, BaseDetector):
        raise TypeError(
            f"detector must build a mmdet BaseDetector, type={config['type']!r} built "
            f"{type(detector).__name__}"
        )
    return detector


def detector_sample(
    source: DetDataSample, source_to_det: FrameMap, det_hw: tuple[int, int], training: bool
) -> DetDataSample:
    """A sample for the detector alone, in its own frame.

    Args:
        source: The pair's sample; boxes in the source frame.
        source_to_det: The map into the detector's frame.
        det_hw: Height and width of the image that the detector gets, before padding.
        training: Whether to map the ground truth too, boxes and, where they are loaded, masks.

    Returns:
        A new sample whose ``scale_factor`` is 1: the way back is ours alone.
    """
    sample = DetDataSample(metainfo=dict(source.metainfo))
    height, width = det_hw
    sample.set_metainfo({"img_shape": det_hw, "ori_shape": det_hw, "scale_factor": (1.0, 1.0)})
    # CenterNet takes off what its own crop added: here nothing above and on the left.
    sample.set_metainfo({"border": (0, height, 0, width)})
    if training:
        for field in ("gt_instances", "ignored_instances"):
            instances = (
                source.get(field, None)
                if field in source
                else InstanceData(
                    bboxes=torch.zeros((0, 4), device=source.gt_instances.bboxes.device),
                    labels=torch.zeros(
                        (0,), dtype=torch.long, device=source.gt_instances.bboxes.device
                    ),
                )
            )
            mapped = InstanceData(
                bboxes=source_to_det.boxes(instances.bboxes), labels=instances.labels
            )
            if "masks" in instances:
                mapped.masks = bitmaps(instances.masks, det_hw)
            setattr(sample, field, mapped)
    return sample


def to_source(
    prediction: DetDataSample, source_to_det: FrameMap, source_hw: tuple[int, int]
) -> InstanceData:
    """Predictions of the detector, with boxes mapped to the source frame and clipped to it.

    Masks come along: as they are where both frames are of one size, else by the area that they
    cover, see :func:`mmisr.ops.masks.resize_masks`.

    Args:
        prediction: The detector's output in its own frame.
        source_to_det: The map that led there.
        source_hw: Height and width of the source frame.

    Returns:
        ``pred_instances`` with (N, 4) ``bboxes`` in the source frame, and (N, H, W) bool ``masks``
        in its pixels where the detector predicts masks.
    """
    instances: InstanceData = prediction.pred_instances.new()
    for key, value in prediction.pred_instances.items():
        instances.set_field(value, key)
    if "masks" in instances:
        instances.masks = resize_masks(instances.masks, source_hw)
    if instances.bboxes.numel():
        instances.bboxes = clip(source_to_det.inverse().boxes(instances.bboxes), source_hw)
    return instances
