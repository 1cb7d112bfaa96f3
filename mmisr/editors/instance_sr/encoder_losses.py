"""What an encoder learns by: its losses, and what a log shows beside them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmisr.editors.instance_sr.labels import CLASSES, EASY, box_targets
from mmisr.editors.instance_sr.losses import LossWeights, Mean, localisation_loss, token_loss
from mmisr.structures.frames import hw_of


def encoder_losses(
    encoded: tuple[Tensor, Tensor],
    labels: Tensor,
    boxes: Sequence[Tensor],
    weights: LossWeights,
    token: int,
    over_processes: Mean,
) -> dict[str, Tensor]:
    """L_enc and L_loc, and the recall and the shares of what the encoder would choose.

    Args:
        encoded: (B, 3, rows, cols) logits and (B, 4, rows, cols) boxes.
        labels: (B, rows, cols) int64, the exit that each token should leave by.
        boxes: (N_i, 4) annotated boxes in LR pixels, per image.
        weights: Of the losses.
        token: Side of a token in LR pixels.
        over_processes: Averages a number, so that several processes learn what one does.

    Returns:
        Losses by name, and what is only logged.
    """
    logits, predicted = encoded
    grid = hw_of(logits)
    per_image = [box_targets(xyxy, grid, token) for xyxy in boxes]
    targets = torch.stack(per_image).to(predicted)
    classification = token_loss(logits, labels, weights.recall, over_processes)
    localisation = localisation_loss(predicted, targets, labels, over_processes)
    exits = logits.argmax(1)
    recall = _recall(exits > EASY, labels > EASY)
    return {
        "loss_instance_sr_enc": weights.enc * classification,
        "loss_instance_sr_loc": weights.loc * localisation,
        "token_recall": recall,
        **shares("routed", exits),
    }


def shares(who: str, tokens: Tensor) -> dict[str, Tensor]:
    """Share of the tokens by exit, for the log.

    Args:
        who: Whose exits they are.
        tokens: (B, rows, cols) exits.
    """
    return {f"{who}_{name}": (tokens == k).float().mean() for k, name in enumerate(CLASSES)}


def _recall(predicted: Tensor, labelled: Tensor) -> Tensor:
    """Share of the labelled tokens that are predicted; 1 where there are none."""
    num_hits = (predicted & labelled).sum()
    num_labelled = labelled.sum()
    recall = num_hits / num_labelled.clamp(min=1)
    return torch.where(num_labelled > 0, recall, torch.ones_like(recall))
