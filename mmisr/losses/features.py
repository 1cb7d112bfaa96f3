"""Distances between what two detectors, or one on two images, make of the same scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.ops.coverage import touched
from mmisr.ops.statistics import standardised

SMALLEST_AREA = 1e-6
"""Of a region in cells: one without any has no distance."""

BACKGROUND = 0.5
"""Weight of all cells without an object together, where those with one have 1 together."""


def mean_distance(
    distance: Callable[[Tensor, Tensor], Tensor],
    student: Sequence[Tensor],
    teacher: Sequence[Tensor],
) -> Tensor:
    """The mean over several features of a distance.

    Args:
        distance: Of two tensors of one shape, a scalar.
        student: Features.
        teacher: Theirs, in the same order.
    """
    distances = []
    for ours, theirs in zip(student, teacher, strict=True):
        distances.append(distance(ours, theirs))
    total = torch.stack(distances)
    return total.mean()


def pearson_distance(student: Tensor, teacher: Tensor, weights: Tensor | None = None) -> Tensor:
    """Half the squared distance of standardised features: 1 less the correlation of each channel.

    Source: PKD (Cao et al., NeurIPS 2022), eq. 3 to 5. There a channel is standardised over the
    whole batch, here over each image, so that the loss of an image does not depend on the batch
    that it comes in. The weights are ours.

    Args:
        student: (B, C, h, w) features; gradients pass.
        teacher: The same; no gradient passes.
        weights: (B, 1, h, w) weight of each position, summing to any total per image; None for
            equal weights that sum to 1.

    Returns:
        A scalar, from 0 (equal up to scale and shift) to 2 times the mean total of the weights.

    Raises:
        ValueError: The shapes differ.

    Example:
        >>> features = torch.arange(8.0).view(1, 2, 2, 2)
        >>> float(pearson_distance(features, 3 * features + 1).round(decimals=4))
        0.0
    """
    if student.shape != teacher.shape:
        raise ValueError(
            "features of student and teacher must have one shape, got "
            f"{tuple(student.shape)} and {tuple(teacher.shape)}; the teacher must have the "
            "student's architecture and see images of its size"
        )
    gap = standardised(student) - standardised(teacher.detach())
    half = 0.5 * gap.square().mean(1, keepdim=True)
    if weights is None:
        return half.mean()
    return (half * weights).sum() / len(student)


def region_distance(ours: Tensor, theirs: Tensor, region: Tensor) -> Tensor:
    """Mean squared difference of features over a region of each image.

    Source: the targeted perceptual loss of SROBB (Rad et al., ICCV 2019): a mask, resized to the
    features, multiplies both. The division by the region's area is ours.

    Args:
        ours: (B, C, h, w) features; gradients pass.
        theirs: The same; no gradient passes.
        region: (B, 1, H, W) 1 in the region, else 0, at any size. A position counts by the share of
            it that the region covers.

    Returns:
        A scalar, the mean over the images; an image without the region counts as 0.

    Example:
        >>> region = torch.tensor([[[[1.0, 0.0]]]])
        >>> float(region_distance(torch.ones(1, 3, 1, 2), torch.zeros(1, 3, 1, 2), region))
        1.0
    """
    height, width = ours.shape[-2:]
    shares = F.adaptive_avg_pool2d(region, (height, width))
    gap = (ours - theirs.detach()).square()
    per_position = gap.mean(1, keepdim=True)
    totals = (per_position * shares).sum((1, 2, 3))
    areas = shares.sum((1, 2, 3))
    return (totals / areas.clamp(min=SMALLEST_AREA)).mean()


def object_weights(
    boxes: Sequence[Tensor], hw: tuple[int, int], background: float = BACKGROUND
) -> Tensor:
    """Weights of cells by which every object counts alike, however small.

    A cell that objects touch weighs 1 over the number of cells of the smallest of them; these
    weights are then scaled to sum to 1 per image. All other cells share ``background``.

    Source: TinyKD's weighting, as the project's notes on it have it; the share of the background
    is ours.

    Args:
        boxes: For each image (N, 4) xyxy in cells of the feature map.
        hw: Height and width of the feature map in cells.
        background: Total weight of the cells that no object touches.

    Returns:
        (B, 1, h, w) float32, on the CPU.
    """
    return torch.stack([_image_weights(xyxy, hw, background) for xyxy in boxes])[:, None]


def _image_weights(xyxy: Tensor, hw: tuple[int, int], background: float) -> Tensor:
    on_cell = touched(xyxy, hw, 1)
    cells = on_cell.sum((1, 2), keepdim=True).clamp(min=1)
    per_object = on_cell / cells
    weights = torch.zeros(hw)
    if len(xyxy):
        # The smallest object has the largest weight a cell.
        weights = per_object.amax(0)
    empty = weights == 0
    total = weights.sum()
    if total > 0:
        weights = weights / total
    num_empty = int(empty.sum())
    weights[empty] = background / max(1, num_empty)
    return weights


def score_distance(student: Tensor, teacher: Tensor, beta: float = 1.0) -> tuple[Tensor, Tensor]:
    """Quality focal loss of the student's scores, where the teacher's are the label.

    Source: CrossKD (Wang et al., CVPR 2024), L_cls; the focal form is that of GFL (Li et al.,
    NeurIPS 2020). There the sum is divided by the positives of the student's assignment; here by
    the teacher's own count of objects, its highest scores summed, which needs no assignment.

    Args:
        student: (..., C) logits.
        teacher: The same.
        beta: Exponent of the difference of the scores.

    Returns:
        The summed loss, and the sum of the teacher's highest score per position.
    """
    label = teacher.detach().sigmoid()
    entropy = F.binary_cross_entropy_with_logits(student, label, reduction="none")
    focus = (student.sigmoid() - label).abs().pow(beta)
    return (focus * entropy).sum(), label.amax(-1).sum()


def bin_distance(student: Tensor, teacher: Tensor, weights: Tensor) -> Tensor:
    """Kullback-Leibler divergence between the distributions of the four sides of boxes.

    Source: LD (Zheng et al., CVPR 2022) with temperature 1, as CrossKD has it. The mean over the
    bins, not their sum, is what mmdet's ``KnowledgeDistillationKLDivLoss`` takes, and published
    weights of the loss are for that.

    Args:
        student: (..., 4, bins) logits.
        teacher: The same.
        weights: (...,) weight of each position.

    Returns:
        The weighted sum over positions of the mean over sides and bins.
    """
    label = teacher.detach().log_softmax(-1)
    divergence = F.kl_div(student.log_softmax(-1), label, reduction="none", log_target=True)
    return (divergence.mean((-2, -1)) * weights).sum()


def offset_distance(student: Tensor, teacher: Tensor, weights: Tensor) -> Tensor:
    """Weighted sum of the mean absolute difference of the four numbers that a head says of a box.

    Args:
        student: (..., 4).
        teacher: The same.
        weights: (...,) weight of each position.
    """
    gap = (student - teacher.detach()).abs().mean(-1)
    return (gap * weights).sum()


def class_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean Kullback-Leibler divergence between class distributions, background among them.

    Args:
        student: (N, classes + 1) logits.
        teacher: The same.

    Returns:
        A scalar; 0 without rows.
    """
    if not len(student):
        return student.sum()
    label = teacher.detach().log_softmax(-1)
    return F.kl_div(student.log_softmax(-1), label, reduction="batchmean", log_target=True)


def feature_affinity(features: Tensor, others: Tensor, stride: int = 8, most: int = 1024) -> Tensor:
    """Mean absolute difference of the similarities between all pairs of positions.

    Source: DSRL (Wang et al., CVPR 2020), eq. 4 and 5 with p = 2 and q = 1: the similarity of two
    positions is the cosine of their features. The cap on positions is ours.

    Args:
        features: (B, C, h, w).
        others: (B, D, h, w); the number of channels may differ.
        stride: Every so many positions along each axis count.
        most: Positions at most; the stride grows until they are as few.

    Returns:
        A scalar; 0 for features that are equal up to a positive factor per position.

    Raises:
        ValueError: Height or width differ.
    """
    same_size = features.shape[-2:] == others.shape[-2:]
    if not same_size or len(features) != len(others):
        raise ValueError(
            "feature_affinity compares maps of one size, got "
            f"{tuple(features.shape)} and {tuple(others.shape)}"
        )
    height, width = features.shape[-2:]
    rows = ceil(height / stride)
    cols = ceil(width / stride)
    while rows * cols > most:
        stride += 1
        rows = ceil(height / stride)
        cols = ceil(width / stride)
    ours = _similarities(features, stride)
    theirs = _similarities(others, stride)
    return (ours - theirs).abs().mean()


def _similarities(features: Tensor, stride: int) -> Tensor:
    """(B, P, P) cosines between P positions."""
    chosen = features[..., ::stride, ::stride].flatten(2)
    unit = F.normalize(chosen, dim=1)
    return unit.transpose(1, 2) @ unit
