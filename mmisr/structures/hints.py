"""What is known about an image beside its pixels.

Read by routers, by editors with a prior and by losses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from mmisr.structures.frames import FrameMap


@dataclass(frozen=True)
class Found:
    """What a detector found in an image before it was super-resolved.

    Args:
        boxes_lr: (N, 4) xyxy boxes in the lr frame.
        scores: (N,) in [0, 1].
        labels: (N,) int64, classes from 0.
        masks_lr: (N, h, w) bool, in pixels of the lr frame; None where the detector has no masks.
    """

    boxes_lr: Tensor
    scores: Tensor
    labels: Tensor
    masks_lr: Tensor | None = None


@dataclass(frozen=True)
class ImageHints:
    """Optional facts about one image; most editors ignore them.

    Args:
        boxes_lr: (N, 4) xyxy annotated boxes in the lr frame. Whatever reads them to make SR leaks,
            as the oracle router does; losses may.
        labels: (N,) int64, the classes of these boxes, from 0.
        masks_lr: (N, h, w) bool masks of the same objects, in pixels of the lr frame; filled where
            the data set loads masks (``LoadAnnotations(with_mask=True)``).
        found: What a detector found in the image as it is, where the pair looks first
            (``test_cfg=dict(prior=dict())``).
        lr_hw: Height and width of the image in the lr frame.
        seed: Number that random choices derive from, so that a result does not depend on the batch
            an image comes in.
        frame_index: Place in its video, counted from 0.
        exits: (rows, cols) exits of the tokens that were chosen before, on a look at the whole
            frame that this image is a part of; an editor that routes keeps to them.
        patch_class: How hard a training patch is to recover, from 0 for the easiest; set where the
            data set names classes (``mmisr.ClassPatch``).
    """

    boxes_lr: Tensor | None = None
    labels: Tensor | None = None
    masks_lr: Tensor | None = None
    found: Found | None = None
    lr_hw: tuple[int, int] | None = None
    seed: int | None = None
    frame_index: int | None = None
    exits: Tensor | None = None
    patch_class: int | None = None


def annotated(known: ImageHints) -> Found | None:
    """The annotated objects as if a detector had found them, all of them sure.

    Whatever makes SR by them leaks.

    Args:
        known: Of the image.

    Returns:
        Objects without annotated classes are of the first; None where no boxes are annotated.

    Example:
        >>> annotated(ImageHints()) is None
        True
    """
    boxes = known.boxes_lr
    if boxes is None:
        return None
    labels = known.labels
    if labels is None:
        labels = boxes.new_zeros(len(boxes)).long()
    certain = boxes.new_ones(len(boxes))
    return Found(boxes, certain, labels, known.masks_lr)


BatchHints = Sequence[ImageHints]
"""One record per image, in the order of the batch."""


def every(hints: BatchHints | None, field: str) -> list | None:
    """One field of all images.

    Args:
        hints: Of a batch, or None for none.
        field: Name of a field of :class:`ImageHints`.

    Returns:
        Its values in order, or None unless every image has it.

    Example:
        >>> every([ImageHints(seed=3), ImageHints(seed=5)], "seed")
        [3, 5]
        >>> every([ImageHints(seed=3), ImageHints()], "seed") is None
        True
    """
    values = [getattr(image, field) for image in hints or ()]
    if not values or any(value is None for value in values):
        return None
    return values


def seeds_of(hints: BatchHints | None, count: int) -> list[int]:
    """The seeds of all images; 0 for those without.

    Args:
        hints: Of a batch, or None for none.
        count: How many images there are.

    Example:
        >>> seeds_of([ImageHints(seed=3), ImageHints()], 2)
        [3, 0]
    """
    if hints is None:
        return [0] * count
    return [int(image.seed or 0) for image in hints]


def routing_boxes(hints: BatchHints | None, router: str) -> list[Tensor] | None:
    """The boxes that a router goes by.

    Args:
        hints: Of a batch, or None for none.
        router: ``oracle`` for the annotated boxes, any other name for those that a detector found.

    Returns:
        For each image (N, 4) xyxy in the lr frame, or None unless every image has them.

    Example:
        >>> routing_boxes([ImageHints(seed=3)], "detector_prior") is None
        True
    """
    if router == "oracle":
        return every(hints, "boxes_lr")
    found = every(hints, "found")
    return None if found is None else [image.boxes_lr for image in found]


def boxes_in(hints: BatchHints | None, hw: tuple[int, int]) -> list[Tensor] | None:
    """The boxes of all images in another frame, that of the HR image say.

    Args:
        hints: Of a batch, or None for none.
        hw: Height and width of the images in that frame.

    Returns:
        For each image (N, 4) xyxy, or None unless every image has boxes and the size of its LR
        image.

    Example:
        >>> import torch
        >>> known = ImageHints(boxes_lr=torch.tensor([[1.0, 0.0, 2.0, 2.0]]), lr_hw=(2, 3))
        >>> boxes_in([known], (8, 12))
        [tensor([[4., 0., 8., 8.]])]
    """
    boxes = every(hints, "boxes_lr")
    sizes = every(hints, "lr_hw")
    if boxes is None or sizes is None:
        return None
    moved = []
    for xyxy, lr_hw in zip(boxes, sizes, strict=True):
        to_frame = FrameMap.between(lr_hw, hw)
        moved.append(to_frame.boxes(xyxy))
    return moved
