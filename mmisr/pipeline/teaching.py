"""What several strategies do alike: a teacher, the pixel term, the SR image that gradients enter."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmisr.openmmlab.checkpoints import load_into, load_state
from mmisr.openmmlab.detector import BaseDetector, DetDataSample
from mmisr.pipeline.hints import ground_truth_hints
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.structures.sr_result import SRResult


def build_teacher(detector: BaseDetector, checkpoint: str | None, what: str) -> BaseDetector:
    """A fixed detector of the same architecture, with weights of its own.

    Args:
        detector: The student.
        checkpoint: File of the teacher's weights: of a detector alone, or of a pair.
        what: Who needs it, for the message.

    Raises:
        ValueError: There is no checkpoint, or it is of another architecture or class count.
    """
    if not checkpoint:
        raise ValueError(
            f"{what} needs a teacher: teacher=FILE, the checkpoint of this detector trained on HR "
            "images (tools/train.py with a config that feeds them, mmisr.FeedHR)"
        )
    teacher = copy.deepcopy(detector)
    load_into(teacher, load_state(checkpoint), checkpoint, ("detector.",))
    return teacher


def pixel_term(
    model: SRDetector,
    loss: nn.Module,
    images: Sequence[Tensor],
    lr: Sequence[Tensor],
    samples: Sequence[DetDataSample],
    what: str,
) -> Tensor:
    """Mean over the images of a loss between SR and HR.

    Args:
        model: The pair.
        loss: Of ``(sr, hr, hints)``, see :class:`mmisr.losses.base.SRLoss`.
        images: (3, H_i, W_i) SR images, RGB in [0, 1]; gradients pass.
        lr: (3, h_i, w_i) LR images.
        samples: Their samples, with the HR image; boxes in the source frame.
        what: Who needs HR images, for the message.

    Returns:
        A scalar.

    Raises:
        ValueError: A sample has no HR image.
    """
    targets = model.hr_images(samples, what)
    hints = ground_truth_hints(lr, samples) or []
    terms = []
    for image, target, known in zip(images, targets, hints, strict=True):
        terms.append(loss(image[None], target[None].to(image), [known]))
    return torch.stack(terms).mean()


def task_image(result: SRResult, scale: int) -> Tensor:
    """The SR image of one result, through which gradients of a task reach only deep tokens.

    What routing left to the first exit is to stay cheap and plain; the task must not shape it.

    Args:
        result: Of one LR image.
        scale: Of the editor.

    Returns:
        (3, H, W), the image as it is; its gradient is 0 in tokens of the first exit.
    """
    image = result.image[0]
    if result.routing is None:
        return image
    side = result.routing.token_size * scale
    deep = (result.routing.exits[0] > 0).repeat_interleave(side, 0).repeat_interleave(side, 1)
    deep = deep[: image.shape[-2], : image.shape[-1]]
    return torch.where(deep.to(image.device), image, image.detach())
