"""Detections of several views of one image, made one: the detector's own suppression and cap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import InstanceData

from mmisr.openmmlab.stack import prepare

prepare()

from mmcv.ops import batched_nms

from mmisr.openmmlab.detector import BaseDetector

__all__ = ["box_cap", "no_instances", "suppressed"]

WITHOUT_ITS_OWN = {"type": "nms", "iou_threshold": 0.7}
"""For detectors that suppress nothing (DETR-like): what two views both found."""


def suppressed(views: Sequence[InstanceData], detector: BaseDetector) -> InstanceData:
    """All detections of an image, without those that several views found.

    Args:
        views: Detections in one frame; ``bboxes``, ``scores``, ``labels`` and what else they have.
        detector: Whose NMS and cap apply. Where it decays scores (soft NMS), each view has had its
            own decay, and boxes over its threshold are left out here.

    Returns:
        The rest, best scores first.
    """
    together = InstanceData.cat(list(views))
    if not len(together):
        return together
    _, kept = batched_nms(together.bboxes, together.scores, together.labels, _nms(detector))
    return together[kept[: box_cap(detector)]]


def no_instances(device: torch.device) -> InstanceData:
    """What is found where nothing is searched."""
    return InstanceData(
        bboxes=torch.zeros((0, 4), device=device),
        scores=torch.zeros(0, device=device),
        labels=torch.zeros(0, dtype=torch.long, device=device),
    )


def box_cap(detector: BaseDetector) -> int | None:
    """Boxes per image that a detector's test config allows; None for any number.

    Args:
        detector: Of any kind.
    """
    for settings in _settings(detector):
        cap = settings.get("max_per_img")
        if cap:
            return int(cap)
    return None


def _nms(detector: BaseDetector) -> dict[str, Any]:
    for settings in _settings(detector):
        nms = settings.get("nms")
        if nms:
            threshold = nms.get("iou_threshold", WITHOUT_ITS_OWN["iou_threshold"])
            return {"type": "nms", "iou_threshold": threshold}
    return WITHOUT_ITS_OWN


def _settings(detector: BaseDetector) -> list[Any]:
    """The test settings of the last stage, then those of the only one."""
    config = getattr(detector, "test_cfg", None) or {}
    candidates = [config.get("rcnn") or {}, config] if hasattr(config, "get") else []
    return [settings for settings in candidates if hasattr(settings, "get")]
