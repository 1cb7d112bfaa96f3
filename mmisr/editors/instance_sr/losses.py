"""Losses of InstanceSR, pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.editors.instance_sr.labels import EASY
from mmisr.losses.functional import l1, weighted_mean
from mmisr.structures.checks import check_fields

STEEPEST = 0.01
"""Largest slope of :func:`smooth_images` along an axis, per LR pixel; white is 1."""


@dataclass(frozen=True)
class LossWeights:
    """Weights: L = L_rec + enc L_enc + loc L_loc + smooth L_smooth.

    Source: the first three terms are InstanceSR's; the last and the weights are ours.

    Args:
        enc: Weight of the token classification.
        loc: Weight of the localisation.
        box: How much more a pixel in a (dilated) box counts in L_rec; 1 for no more.
        dilate: Dilation of the boxes in HR pixels.
        recall: How much more an instance token counts than an easy one in L_enc: a missed instance
            costs more than a token too many.
        every_exit: Part of L_rec that, in the joint stage, still supervises every exit on every
            token, so that exits stay usable by other routers; the rest compares the stitched image.
        exits: Parts of the three exits where every exit is supervised on every token; the last
            counts most, because the blocks before it serve it too.
        smooth: Weight of L_smooth, which keeps the grid of sub-pixels out of smooth areas; see
            :func:`smooth_loss`.

    Raises:
        ValueError: A value is out of range.
    """

    enc: float = 0.1
    loc: float = 0.1
    box: float = 3.0
    dilate: float = 8.0
    recall: float = 5.0
    every_exit: float = 0.5
    exits: tuple[float, float, float] = (0.15, 0.15, 0.7)
    smooth: float = 0.3

    def __post_init__(self) -> None:
        check_fields(self, "InstanceSR.loss")
        for name in ("enc", "loc", "dilate", "smooth"):
            value = getattr(self, name)
            if value < 0:
                raise ValueError(f"InstanceSR.loss.{name} must be >= 0, got {value}")
        for name in ("box", "recall"):
            value = getattr(self, name)
            if value <= 0:
                raise ValueError(f"InstanceSR.loss.{name} must be > 0, got {value}")
        if not 0 <= self.every_exit <= 1:
            raise ValueError(f"InstanceSR.loss.every_exit must be in [0, 1], got {self.every_exit}")
        total = sum(self.exits)
        sums_to_one = abs(total - 1) <= 1e-6
        if len(self.exits) != 3 or min(self.exits) < 0 or not sums_to_one:
            raise ValueError(
                f"InstanceSR.loss.exits must be three parts >= 0 that sum to 1, got {self.exits}"
            )


def reconstruction_loss(sr: Tensor, hr: Tensor, weights: Tensor) -> Tensor:
    """L1, weighted per pixel by 1 + (w - 1) M and normalised by the weights' mean.

    Args:
        sr: (B, 3, H, W).
        hr: (B, 3, H, W).
        weights: (B, 1, H, W), see :func:`mmisr.losses.functional.box_weights`.

    Returns:
        A scalar.
    """
    return weighted_mean(l1(sr, hr), weights)


def every_exit_loss(
    images: Sequence[Tensor], hr: Tensor, weights: Tensor, shares: Sequence[float]
) -> Tensor:
    """L_rec of every exit on every token, as a weighted sum.

    Args:
        images: (B, 3, H, W) of each exit.
        hr: (B, 3, H, W).
        weights: (B, 1, H, W), see :func:`mmisr.losses.functional.box_weights`.
        shares: Weight of each exit.

    Returns:
        A scalar.
    """
    losses = [reconstruction_loss(image, hr, weights) for image in images]
    terms = [share * loss for share, loss in zip(shares, losses, strict=True)]
    return torch.stack(terms).sum()


def smooth_images(number: int, side: int, like: Tensor) -> Tensor:
    """Draw images of one colour under a slight ramp of light, as sky, water and roofs are.

    Args:
        number: B.
        side: Height and width in LR pixels.
        like: A tensor whose device and type the images get.

    Returns:
        (B, 3, side, side) RGB in [0, 1].
    """
    # Black and white are no rare limits: a sixth of the values is clamped.
    colour = 1.2 * torch.rand(number, 3, 1, 1) - 0.1
    colour[::2] = colour[::2, :1]  # every second image is grey
    image = colour + _ramp(number, side)
    return image.clamp(0, 1).to(like)


def _ramp(number: int, side: int) -> Tensor:
    """(B, 1, side, side) of a slope drawn down and across, 0 in the middle."""
    slope = (2 * torch.rand(number, 2, 1, 1) - 1) * STEEPEST
    down, across = slope.split(1, 1)
    steps = torch.arange(side) - (side - 1) / 2
    return down * steps[:, None] + across * steps


def smooth_loss(images: Sequence[Tensor], interpolated: Tensor) -> Tensor:
    """L_smooth: L1 of what the exits add to an image that has nothing to add to.

    Textures alone teach an exit nothing about flat areas, where the sub-pixels of a PixelShuffle
    then differ by several grey levels and stand as a grid of dots. Interpolation is right there, so
    every exit shall add nothing.

    Source: ours.

    Args:
        images: (B, 3, H, W) of each exit, from :func:`smooth_images`.
        interpolated: (B, 3, H, W), their bilinear enlargement.

    Returns:
        A scalar, the mean over the exits.
    """
    return torch.stack([(image - interpolated).abs().mean() for image in images]).mean()


Mean = Callable[[Tensor], Tensor]
"""The mean of a number over the processes of a run."""


def _alone(number: Tensor) -> Tensor:
    """Of one process."""
    return number


def token_loss(
    logits: Tensor, labels: Tensor, recall: float, over_processes: Mean = _alone
) -> Tensor:
    """L_enc: class-weighted cross entropy over tokens.

    Args:
        logits: (B, 3, rows, cols).
        labels: (B, rows, cols) int64.
        recall: Weight of a moderate or hard token; an easy one counts 1.
        over_processes: Averages the total weight, so that several processes learn what one does.

    Returns:
        A scalar, the weighted mean.
    """
    by_class = logits.new_tensor([1.0, recall, recall])
    total = F.cross_entropy(logits, labels, weight=by_class, reduction="sum")
    weight = by_class[labels].sum()
    return total / over_processes(weight)


def localisation_loss(
    boxes: Tensor, targets: Tensor, labels: Tensor, over_processes: Mean = _alone
) -> Tensor:
    """L_loc: smooth L1 on the tokens that are not easy.

    Args:
        boxes: (B, 4, rows, cols), as :func:`mmisr.editors.instance_sr.labels.box_targets` defines
            them.
        targets: (B, 4, rows, cols), what they should be.
        labels: (B, rows, cols) int64.
        over_processes: Averages the number of these tokens, as above.

    Returns:
        A scalar, the mean over their four numbers; 0 where every token is easy.
    """
    deep = (labels > EASY)[:, None].to(boxes.dtype)
    loss = F.smooth_l1_loss(boxes, targets, reduction="none") * deep
    count = over_processes(4 * deep.sum())
    return loss.sum() / count.clamp(min=1)
