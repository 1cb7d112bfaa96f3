"""Non-maximum suppression, greedy and soft, as ``mmcv._ext`` offers it."""

from __future__ import annotations

import numpy as np
import torch
import torchvision
from torch import Tensor

from mmisr.openmmlab.kernels.precision import widen, without_autocast
from mmisr.ops.boxes import widths_heights

NAIVE, LINEAR, GAUSSIAN = 0, 1, 2
"""``method`` of soft-NMS, as mmcv numbers it."""


@without_autocast
def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Greedy non-maximum suppression.

    Convention: xyxy. A box is dropped when its IoU with a kept one is above (not at) the threshold.
    ``offset`` 1 is the old inclusive pixel count, where a box is x2 - x1 + 1 wide; growing every
    box by one pixel says the same.

    Args:
        boxes: (N, 4), px.
        scores: (N,).
        iou_threshold: Highest IoU that two kept boxes may have.
        offset: 0 or 1.

    Returns:
        (K,) int64 indices of the kept boxes, best first.
    """
    boxes = widen(boxes)
    if offset:
        boxes = torch.cat([boxes[:, :2], boxes[:, 2:] + offset], dim=1)
    return torchvision.ops.nms(boxes, scores.to(boxes.dtype), iou_threshold)


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Soft-NMS: neighbours of a picked box lose score instead of vanishing.

    Source: Bodla et al., "Soft-NMS", ICCV 2017, algorithm of figure 2. As in mmcv, a box leaves
    when its decayed score falls below ``min_score``, so the very first pick is kept whatever its
    score. mmcv calls this on the CPU only.

    Args:
        boxes: (N, 4) xyxy, px.
        scores: (N,).
        dets: (N, 5), filled from the top with x1, y1, x2, y2 and decayed score.
        iou_threshold: IoU from which the naive and the linear method act.
        sigma: Width of the Gaussian method.
        min_score: Score below which a box is dropped.
        method: 0 drops, 1 decays by 1 - IoU, 2 by exp(-IoU^2 / sigma).
        offset: 0, or 1 for the inclusive pixel count.

    Returns:
        (K,) int64 indices of the kept boxes, in the order picked.
    """
    xyxy = widen(boxes).detach().numpy()
    decayed = widen(scores).detach().numpy().copy()
    alive = np.arange(len(xyxy))
    picked: list[int] = []
    scores_then: list[float] = []
    while len(alive):
        best = decayed[alive].argmax()
        index = int(alive[best])
        picked.append(index)
        scores_then.append(float(decayed[index]))
        alive = np.delete(alive, best)
        overlap = _iou(xyxy[index], xyxy[alive], offset)
        decayed[alive] *= _decay(overlap, iou_threshold, sigma, method)
        still_scored = decayed[alive] >= min_score
        alive = alive[still_scored]
    indices = torch.tensor(picked, dtype=torch.long)
    filled = dets[: len(picked)]
    filled[:, :4] = boxes[indices]
    filled[:, 4] = torch.tensor(scores_then, dtype=torch.float64)
    return indices


def _iou(box: np.ndarray, others: np.ndarray, offset: int) -> np.ndarray:
    """(N,) IoU of a (4,) box with (N, 4) others."""
    first = np.maximum(box[:2], others[:, :2])
    last = np.minimum(box[2:], others[:, 2:])
    sides = last - first + offset
    shared = sides.clip(min=0).prod(axis=1)
    size = widths_heights(box) + offset
    sizes = widths_heights(others) + offset
    union = size.prod() + sizes.prod(axis=1) - shared
    positive = np.where(union > 0, union, 1)
    return shared / positive


def _decay(overlap: np.ndarray, iou_threshold: float, sigma: float, method: int) -> np.ndarray:
    if method == GAUSSIAN:
        return np.exp(-(overlap**2) / sigma)
    remaining = 1 - overlap if method == LINEAR else np.zeros_like(overlap)
    return np.where(overlap >= iou_threshold, remaining, 1)
