"""What several strategies do alike: a teacher, a pixel term, images that a task shapes."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmisr.openmmlab.checkpoints import load_state
from mmisr.openmmlab.detector import BaseDetector, DetDataSample
from mmisr.openmmlab.loading import load_into
from mmisr.pipeline.handoff import DetectorBatch
from mmisr.pipeline.hints import ground_truth_hints
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.structures.frames import hw_of
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


def fixed_images(
    model: SRDetector, lr: Sequence[Tensor], samples: Sequence[DetDataSample]
) -> list[Tensor]:
    """The SR images of a batch, made without gradients.

    Args:
        model: The pair.
        lr: (3, h_i, w_i) LR images, RGB in [0, 1].
        samples: Their samples, which routing hints are read from.

    Returns:
        (3, H_i, W_i) each.
    """
    with torch.no_grad():
        results = model.upscale(lr, samples)
    return [result.image[0] for result in results]


def hr_like(
    model: SRDetector, images: Sequence[Tensor], samples: Sequence[DetDataSample], what: str
) -> list[Tensor]:
    """The HR images of a batch, on the device of the SR images.

    Args:
        model: The pair.
        images: (3, H_i, W_i) SR images.
        samples: Their samples.
        what: Who needs HR images, for the message.

    Returns:
        (3, H_i, W_i) RGB in [0, 1] each.

    Raises:
        ValueError: A sample has no HR image.
    """
    return [image.to(images[0]) for image in model.hr_images(samples, what)]


def beside_hr(
    model: SRDetector, images: Sequence[Tensor], samples: Sequence[DetDataSample], what: str
) -> tuple[DetectorBatch, DetectorBatch]:
    """The detector's batches of SR images and of their HR images, resized and padded alike.

    Args:
        model: The pair.
        images: (3, H_i, W_i) SR images; gradients pass.
        samples: Their samples.
        what: Who needs HR images, for the message.

    Raises:
        ValueError: A sample has no HR image.
    """
    hr = hr_like(model, images, samples, what)
    both = model.detector_batch([*images, *hr], samples)
    count = len(images)
    return both.part(count, 0), both.part(count, 1)


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
    targets = hr_like(model, images, samples, what)
    hints = ground_truth_hints(lr, samples) or []
    terms = []
    for image, target, known in zip(images, targets, hints, strict=True):
        sr = image[None]
        hr = target[None]
        terms.append(loss(sr, hr, [known]))
    total = torch.stack(terms)
    return total.mean()


def task_images(model: SRDetector, results: Sequence[SRResult]) -> list[Tensor]:
    """The SR images of a batch, through which gradients of a task reach only deep tokens.

    Args:
        model: The pair.
        results: Of its editor, one per image.

    Returns:
        (3, H_i, W_i) each, see :func:`task_image`.
    """
    scale = model.editor.info.scale
    return [task_image(result, scale) for result in results]


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
    routing = result.routing
    if routing is None:
        return image
    side = routing.token_size * scale
    deep = routing.exits[0] > 0
    rows = deep.repeat_interleave(side, 0)
    pixels = rows.repeat_interleave(side, 1)
    height, width = hw_of(image)
    inside = pixels[:height, :width].to(image.device)
    return torch.where(inside, image, image.detach())
