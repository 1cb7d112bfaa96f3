"""Detections of several parts of one image, made one: the rule of windows, slices and tiles."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mmisr.ops.boxes import area, centers, clip, grow

SLACK = 2
"""Pixels by which a centre may lie outside its core.

Two parts that both saw an object across the border of their cores may each put its centre on the
other's side. So near to the border both report it, and suppression leaves one.
"""


@dataclass(frozen=True)
class MergeRule:
    """What is left of detections in one frame.

    Args:
        iou_threshold: Of two boxes of a class that overlap by more, the one of the lower score
            goes.
        class_agnostic: Whether boxes of different classes suppress each other too.
        cap: How many may be left, best scores first; None for any number.
    """

    iou_threshold: float = 0.5
    class_agnostic: bool = False
    cap: int | None = None


def held_centres(xyxy: Tensor, cores: Tensor, slack: float = SLACK) -> Tensor:
    """Whether the centres of boxes lie in cores, of which none overlaps another.

    A box belongs to the part of the image whose core holds its centre. What a neighbour saw of the
    same object, whole or cut off by its border, has its centre elsewhere, and is not the
    neighbour's to report; within ``slack`` of a border it is both's, and :func:`surviving` leaves
    one.

    Args:
        xyxy: (N, 4) boxes.
        cores: (n, 4) in the same frame.
        slack: Pixels of that frame by which cores are grown.

    Returns:
        (N, n) bool.

    Example:
        >>> boxes = torch.tensor([[0.0, 0, 4, 4], [6, 0, 10, 4]])
        >>> cores = torch.tensor([[0.0, 0, 8, 8], [8, 0, 16, 8]])
        >>> held_centres(boxes, cores, slack=0).tolist(), held_centres(boxes, cores).tolist()
        ([[True, False], [False, True]], [[True, False], [True, True]])
    """
    middles = centers(xyxy)
    centre = middles[:, None]
    like_boxes = cores.to(xyxy)
    grown = grow(like_boxes, slack)
    starts, ends = grown.split(2, 1)
    is_after = centre >= starts
    is_before = centre < ends
    inside = is_after & is_before
    return inside.all(2)


def owned(xyxy: Tensor, core: Tensor, hw: tuple[int, int]) -> Tensor:
    """Which of the boxes that a part of an image found are that part's to report.

    What of them lies in the image has its centre in the core, see :func:`held_centres`; what does
    not lie there at all is nobody's.

    Args:
        xyxy: (N, 4) boxes in the frame of the image.
        core: (4,) what the part answers for.
        hw: Height and width of that frame.

    Returns:
        (N,) bool.

    Example:
        >>> boxes = torch.tensor([[-6.0, 0, 4, 4], [8, 0, 12, 4]])
        >>> owned(boxes, torch.tensor([0, 0, 5, 8]), (8, 16)).tolist()
        [True, False]
    """
    inside = clip(xyxy, hw)
    has_area = area(inside) > 0
    is_held = held_centres(inside, core[None])
    return has_area & is_held.squeeze(1)


def surviving(xyxy: Tensor, scores: Tensor, labels: Tensor, rule: MergeRule) -> Tensor:
    """Which detections are left where several parts of an image may have found the same.

    The result does not depend on the order of the detections, equal scores included.

    Convention: computed in float64. With coordinates of thousands of pixels times the number of
    classes, single precision would lose fractions of a pixel.

    Args:
        xyxy: (N, 4) boxes in one frame.
        scores: (N,).
        labels: (N,) classes.
        rule: What suppresses what, and how many may be left.

    Returns:
        (M,) indices, best scores first.

    Example:
        >>> boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [10, 0, 20, 10]])
        >>> scores = torch.tensor([0.6, 0.9, 0.7])
        >>> surviving(boxes, scores, torch.zeros(3, dtype=torch.long), MergeRule()).tolist()
        [1, 2]
    """
    # Here, because it takes seconds to import, which converting data sets does without.
    from torchvision.ops import batched_nms

    order = _ordered(xyxy, scores, labels)
    classes = labels[order]
    if rule.class_agnostic:
        classes = torch.zeros_like(classes)
    kept = batched_nms(
        xyxy[order].double(),
        scores[order].double(),
        classes,
        rule.iou_threshold,
    )
    survivors = order[kept]
    return survivors[: rule.cap]


def _ordered(xyxy: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
    """(N,) indices by falling score; what scores alike stands by class and place."""
    count = len(scores)
    order = torch.arange(count, device=scores.device)
    x1, y1, x2, y2 = xyxy.unbind(1)
    # The last column weighs most.
    columns = [y2, x2, y1, x1, labels, -scores]
    for column in columns:
        values = column[order]
        by_column = values.argsort(stable=True)
        order = order[by_column]
    return order
