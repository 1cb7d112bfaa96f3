"""Which class was taken for which: counts of matched, missed and invented boxes."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import box_iou


def confusion(
    truth_xyxy: Tensor,
    truth_labels: Tensor,
    found_xyxy: Tensor,
    found_labels: Tensor,
    num_classes: int,
    iou_thr: float = 0.5,
    ignored_xyxy: Tensor | None = None,
) -> Tensor:
    """Confusion matrix of one image.

    A pair of boxes matches once, at ``iou_thr`` or more: first those of one class, in the order of
    the predictions, then, among what is left, those of different classes. mmdet's tool counts a
    prediction once for every box that it overlaps.

    Args:
        truth_xyxy: (N, 4) annotated boxes.
        truth_labels: (N,) their classes.
        found_xyxy: (M, 4) predicted boxes, best first, in the same frame.
        found_labels: (M,) their classes.
        num_classes: C.
        iou_thr: Overlap from which on two boxes may be one object.
        ignored_xyxy: (K, 4) regions where unmatched predictions, covered by ``iou_thr`` of their
            area, do not count.

    Returns:
        (C + 1, C + 1) int64; rows are annotated, columns predicted, the last of each is background:
        missed boxes stand in the last column, invented ones in the last row.
    """
    counts = torch.zeros((num_classes + 1, num_classes + 1), dtype=torch.long)
    iou = box_iou(found_xyxy.double(), truth_xyxy.double())
    same = found_labels[:, None] == truth_labels[None]
    free_truth = torch.ones(len(truth_xyxy), dtype=torch.bool)
    free_found = torch.ones(len(found_xyxy), dtype=torch.bool)
    for allowed in (same, ~same):
        candidates = torch.where(allowed & (iou >= iou_thr), iou, torch.zeros_like(iou))
        for number in range(len(found_xyxy)):
            row = candidates[number] * free_truth
            if free_found[number] and len(row) and row.max() > 0:
                best = int(row.argmax())
                free_truth[best] = free_found[number] = False
                counts[truth_labels[best], found_labels[number]] += 1
    for label in truth_labels[free_truth].tolist():
        counts[label, num_classes] += 1
    if ignored_xyxy is not None and len(ignored_xyxy):
        free_found &= _covered(found_xyxy.double(), ignored_xyxy.double()) < iou_thr
    for label in found_labels[free_found].tolist():
        counts[num_classes, label] += 1
    return counts


def _covered(xyxy: Tensor, regions: Tensor) -> Tensor:
    """(M,) largest part of each box that lies in one region."""
    low = torch.maximum(xyxy[:, None, :2], regions[None, :, :2])
    high = torch.minimum(xyxy[:, None, 2:], regions[None, :, 2:])
    area = (xyxy[:, 2:] - xyxy[:, :2]).prod(1).clamp(min=1e-9)
    return (high - low).clamp(min=0).prod(-1).amax(1) / area
