"""What a detector gains where a token is computed deep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mmisr.openmmlab.editor import SREditor, routed_by
from mmisr.ops.tokens import token_sums
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.structures.editor_info import Routers
from mmisr.structures.sr_result import SRResult, images_of


@dataclass(frozen=True)
class Extremes:
    """The images of a batch with no token computed deep, and with every token.

    Args:
        cheapest: (3, H_i, W_i) RGB in [0, 1], without gradients.
        deepest: The same.
        token: Side of a token in their pixels.
    """

    cheapest: Sequence[Tensor]
    deepest: Sequence[Tensor]
    token: int


def routers_of(editor: SREditor, who: str) -> Routers:
    """The values by which an editor routes otherwise.

    Raises:
        ValueError: It routes nothing.
    """
    routers = editor.info.routers
    if routers is None:
        raise ValueError(
            f"{who} needs an editor that routes tokens (mmisr.InstanceSR, say), and "
            f"{editor.info.name!r} does not"
        )
    return routers


@torch.no_grad()
def extremes(batch: TrainingBatch) -> Extremes:
    """Both extremes of the images of a batch.

    Args:
        batch: With an editor that routes.

    Raises:
        ValueError: It routes nothing.
    """
    pair = batch.pair
    editor = pair.editor
    routers = routers_of(editor, batch.needed_by)
    with routed_by(editor, routers.cheapest):
        cheapest = batch.sr_images()
    with routed_by(editor, routers.dense):
        results = batch.upscale()
    scale = editor.info.scale
    token = token_side(results[0], scale)
    return Extremes(cheapest, images_of(results), token)


def token_side(result: SRResult, scale: int) -> int:
    """Side of a token in SR pixels.

    Raises:
        ValueError: The image was not routed.
    """
    if result.routing is None:
        raise ValueError("the editor's dense router left no routing map")
    return result.routing.token_size * scale


def token_gains(batch: TrainingBatch, images: Extremes) -> list[Tensor]:
    """The detector's loss that every token saves by being computed deep, to first order.

    With g the gradient of the loss at the image half-way between, the gain of a token is the sum of
    -g (deepest - cheapest) over its pixels; negative where depth hurts.

    Source: ours, after the unsigned importance of RegenHance.

    Args:
        batch: Its detector is in evaluation; losses as it defines them, times the images, so that a
            gain does not depend on how many come together.
        images: See :func:`extremes`.

    Returns:
        (rows, cols) per image, on the device of the images.
    """
    halfway = []
    for first, second in zip(images.cheapest, images.deepest, strict=True):
        middle = (first + second) / 2
        halfway.append(middle.requires_grad_())
    with torch.enable_grad():
        losses = batch.detection_losses(halfway)
        total, _ = batch.pair.parse_losses(losses)
    gradients = torch.autograd.grad(total * len(halfway), halfway)
    gains = []
    for gradient, first, second in zip(gradients, images.cheapest, images.deepest, strict=True):
        saved = -gradient * (second - first)
        gains.append(token_sums(saved, images.token))
    return gains


def exits_by_gain(gains: Tensor, thresholds: Sequence[float]) -> Tensor:
    """The exit that each token should leave by.

    Args:
        gains: Of any shape.
        thresholds: Smallest gain of the second exit, of the third, ...; ascending.

    Returns:
        int64 of the same shape; 0, the first exit, wherever nothing is gained.

    Example:
        >>> exits_by_gain(torch.tensor([-1.0, 0.5, 2.0, 7.0]), (1.0, 5.0)).tolist()
        [0, 0, 1, 2]
    """
    bounds = gains.new_tensor(thresholds)
    exits = torch.bucketize(gains, bounds, right=True)
    return torch.where(gains > 0, exits, 0)
