"""Which class was taken for which: counts of matched, missed and invented boxes."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import box_iou

from mmisr.ops.boxes import area

NOTHING = -1
"""The index that stands for no annotation."""


def confusion(
    truth_xyxy: Tensor,
    truth_labels: Tensor,
    predicted_xyxy: Tensor,
    predicted_labels: Tensor,
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
        predicted_xyxy: (M, 4) predicted boxes, best first, in the same frame.
        predicted_labels: (M,) their classes.
        num_classes: C.
        iou_thr: Overlap from which on two boxes may be one object.
        ignored_xyxy: (K, 4) regions where unmatched predictions, covered by ``iou_thr`` of their
            area, do not count.

    Returns:
        (C + 1, C + 1) int64; rows are annotated, columns predicted, the last of each is background:
        missed boxes stand in the last column, invented ones in the last row.
    """
    predicted = predicted_xyxy.double()
    iou = box_iou(predicted, truth_xyxy.double())
    iou[iou < iou_thr] = 0
    same_class = predicted_labels[:, None] == truth_labels
    num_predicted, num_truths = iou.shape
    truth_of = torch.full((num_predicted,), NOTHING)
    free = torch.ones(num_truths, dtype=torch.bool)
    for allowed in (same_class, ~same_class):
        _match(iou * allowed, truth_of, free)
    matched = truth_of != NOTHING
    invented = ~matched
    if ignored_xyxy is not None and len(ignored_xyxy):
        covered = _covered(predicted, ignored_xyxy.double())
        invented &= covered < iou_thr
    background = torch.tensor(num_classes)
    counts = torch.zeros((num_classes + 1, num_classes + 1), dtype=torch.long)
    owners = truth_of[matched]
    matched_labels = predicted_labels[matched]
    missed_labels = truth_labels[free]
    invented_labels = predicted_labels[invented]
    _count(counts, truth_labels[owners], matched_labels)
    _count(counts, missed_labels, background)
    _count(counts, background, invented_labels)
    return counts


def _count(counts: Tensor, rows: Tensor, columns: Tensor) -> None:
    """Add 1 for every pair of a row and a column, of which one may be the same for all."""
    for row, column in zip(*torch.broadcast_tensors(rows, columns), strict=True):
        counts[row, column] += 1


def _match(iou: Tensor, truth_of: Tensor, free: Tensor) -> None:
    """Give every prediction that has none the free annotation with the highest IoU above 0.

    Args:
        iou: (M, N), rows best prediction first.
        truth_of: (M,) index of the annotation of each prediction; changed here.
        free: (N,) annotations without a prediction; changed here.
    """
    if not len(free):
        return
    for index, row in enumerate(iou):
        if truth_of[index] != NOTHING:
            continue
        available = row * free
        overlap, best = available.max(0)
        if overlap > 0:
            truth_of[index] = best
            free[best] = False


def _covered(xyxy: Tensor, regions: Tensor) -> Tensor:
    """(M,) largest share of each (M, 4) box that lies in one of (K, 4) regions."""
    start = torch.maximum(xyxy[:, None, :2], regions[None, :, :2])
    end = torch.minimum(xyxy[:, None, 2:], regions[None, :, 2:])
    common = (end - start).clamp(min=0).prod(-1)
    return common.amax(1) / area(xyxy).clamp(min=1e-9)
