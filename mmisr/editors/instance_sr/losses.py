"""Losses of InstanceSR, pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.ops.boxes import raster


@dataclass(frozen=True)
class LossWeights:
    """Weights: L = L_rec + enc L_enc + loc L_loc.

    Args:
        enc: Weight of the token classification.
        loc: Weight of the localisation.
        box: How much more a pixel in a (dilated) box counts in L_rec; 1 for no more.
        dilate: Dilation of the boxes in HR pixels.
        recall: How much more an instance token counts than an easy one in L_enc: a missed instance costs more than a
            token too many.
    """

    enc: float = 0.1
    loc: float = 0.1
    box: float = 3.0
    dilate: float = 8.0
    recall: float = 3.0


def box_weights(boxes: Sequence[Tensor], hw: tuple[int, int], weight: float, dilate: float) -> Tensor:
    """(B, 1, H, W): ``weight`` inside the dilated boxes, 1 outside."""
    masks = torch.stack([raster(b, hw, dilate) for b in boxes])
    return 1 + (weight - 1) * masks[:, None]


def reconstruction_loss(sr: Tensor, hr: Tensor, weights: Tensor) -> Tensor:
    """L1, weighted per pixel by 1 + (w - 1) M, normalised by the weights' mean."""
    return ((sr - hr).abs() * weights).mean() / weights.mean()


def token_loss(logits: Tensor, labels: Tensor, recall: float) -> Tensor:
    """Class-weighted cross entropy over tokens; (B, 3, rows, cols) logits, (B, rows, cols) labels."""
    return F.cross_entropy(logits, labels, weight=logits.new_tensor([1.0, recall, recall]))


def localisation_loss(boxes: Tensor, targets: Tensor, labels: Tensor) -> Tensor:
    """Smooth L1 on the tokens that are not easy; both boxes (B, 4, rows, cols). Zero where every token is easy."""
    deep = (labels > 0)[:, None].float()
    loss = F.smooth_l1_loss(boxes, targets, reduction="none") * deep
    return loss.sum() / (4 * deep.sum()).clamp(min=1)
