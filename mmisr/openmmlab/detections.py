"""Detections of several views of one image, made one by the detector's own suppression and cap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from mmengine.structures import InstanceData

from mmisr.openmmlab.stack import prepare

prepare()

from mmisr.openmmlab.detector import BaseDetector
from mmisr.ops.merging import MergeRule, surviving

__all__ = ["box_cap", "merge_rule", "merged", "no_instances"]

WITHOUT_ITS_OWN = {"iou_threshold": 0.7}
"""For detectors that suppress nothing (DETR-like): what two views both found."""


def merged(views: Sequence[InstanceData], rule: MergeRule) -> InstanceData:
    """All detections of an image, without those that several views found.

    Args:
        views: Detections in one frame; ``bboxes``, ``scores``, ``labels`` and what else they have,
            such as a list of ``masks``.
        rule: What suppresses what, and how many may be left; see :func:`merge_rule`.

    Returns:
        The rest, best scores first.
    """
    together = InstanceData.cat(list(views))
    if not len(together):
        return together
    kept = surviving(together.bboxes, together.scores, together.labels, rule)
    return cast(InstanceData, together[kept])


def merge_rule(detector: BaseDetector) -> MergeRule:
    """The suppression and the cap of a detector, for several views of one image.

    Where it decays scores (soft NMS), each view has had its own decay, and boxes over its threshold
    are left out when views are merged.

    Args:
        detector: Whose test config says it.
    """
    nms = _nms(detector)
    default = WITHOUT_ITS_OWN["iou_threshold"]
    return MergeRule(
        iou_threshold=float(nms.get("iou_threshold", default)),
        class_agnostic=bool(nms.get("class_agnostic", False)),
        cap=box_cap(detector),
    )


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
            return dict(nms)
    return WITHOUT_ITS_OWN


def _settings(detector: BaseDetector) -> list[Any]:
    """The test settings of the last stage, then those of the only one."""
    config = getattr(detector, "test_cfg", None) or {}
    candidates = [config.get("rcnn") or {}, config] if hasattr(config, "get") else []
    return [settings for settings in candidates if hasattr(settings, "get")]
