"""Sigmoid focal loss, as ``mmcv._ext`` offers it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from mmisr.openmmlab.kernels.precision import widen, without_autocast


@without_autocast
def sigmoid_focal_loss_forward(
    logits: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Sigmoid focal loss, element by element.

    Source: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, equation 5.

    Args:
        logits: (N, C).
        target: (N,) int64 class indices; C is the background.
        weight: (C,) factor for the rows of each class, or empty. Background rows keep factor 1.
        output: (N, C), filled.
        gamma: Exponent by which easy elements are played down.
        alpha: Share of the positives; the negatives get 1 - alpha.
    """
    signed, share = _towards_target(logits, target, weight, alpha)
    output.copy_(-share * torch.sigmoid(-signed) ** gamma * logsigmoid(signed))


@without_autocast
def sigmoid_focal_loss_backward(
    logits: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Fill ``grad_input`` (N, C) with the derivatives of :func:`sigmoid_focal_loss_forward`.

    Source: the paper's appendix B: dFL/dx = y (1 - p_t)^gamma (gamma p_t log p_t + p_t - 1), with
    y in {-1, 1}.
    """
    signed, share = _towards_target(logits, target, weight, alpha)
    chance = torch.sigmoid(signed)
    wrong = torch.sigmoid(-signed)
    factor = share * wrong**gamma
    slope = factor * (gamma * chance * logsigmoid(signed) - wrong)
    positive = _positive(logits, target)
    grad_input.copy_(torch.where(positive, slope, -slope))


def _towards_target(
    logits: Tensor, target: Tensor, weight: Tensor, alpha: float
) -> tuple[Tensor, Tensor]:
    """The logit of the right answer, whose sigmoid is p_t, and each element's weight."""
    positive = _positive(logits, target)
    logits = widen(logits)
    signed = torch.where(positive, logits, -logits)
    on_positive = logits.new_tensor(alpha)
    on_negative = logits.new_tensor(1 - alpha)
    share = torch.where(positive, on_positive, on_negative)
    if weight.numel():
        background = logits.new_ones(1)
        by_class = torch.cat([weight.to(logits.dtype), background])
        by_row = by_class[target]
        share = share * by_row[:, None]
    return signed, share


def _positive(logits: Tensor, target: Tensor) -> Tensor:
    """(N, C) whether an element is that of its row's class."""
    classes = torch.arange(logits.shape[1], device=logits.device)
    return target[:, None] == classes
