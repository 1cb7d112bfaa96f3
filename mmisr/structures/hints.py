"""What is known about an image beside its pixels.

Read by routers, by editors with a prior and by losses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
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

    @classmethod
    def joined(cls, parts: Sequence[Found]) -> Found:
        """The objects of several records of one image, in their order.

        Args:
            parts: At least one; either all have masks or none.
        """
        masks = [part.masks_lr for part in parts if part.masks_lr is not None]
        return cls(
            boxes_lr=torch.cat([part.boxes_lr for part in parts]),
            scores=torch.cat([part.scores for part in parts]),
            labels=torch.cat([part.labels for part in parts]),
            masks_lr=torch.cat(masks) if masks else None,
        )


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
        prior_map: (C, h, w) what the editor's prior said of this image on a look at the whole frame
            that it is a part of (:meth:`mmisr.openmmlab.editor.SREditor.prior_map`); such an editor
            keeps to it.
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
    prior_map: Tensor | None = None
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


def nothing_found(hw: tuple[int, int]) -> Found:
    """What there is of an image in which nothing was found.

    Args:
        hw: Height and width of the LR image.

    Example:
        >>> len(nothing_found((2, 3)).scores)
        0
    """
    return Found(
        boxes_lr=torch.zeros(0, 4),
        scores=torch.zeros(0),
        labels=torch.zeros(0, dtype=torch.int64),
        masks_lr=torch.zeros(0, *hw, dtype=torch.bool),
    )


def nothing_there(hw: tuple[int, int]) -> ImageHints:
    """What is known of an image in which nothing is annotated and nothing was found.

    Args:
        hw: Height and width of the LR image.

    Example:
        >>> nothing_there((2, 3)).boxes_lr.shape
        torch.Size([0, 4])
    """
    found = nothing_found(hw)
    return ImageHints(
        boxes_lr=found.boxes_lr,
        labels=found.labels,
        masks_lr=found.masks_lr,
        found=found,
        lr_hw=hw,
        seed=0,
    )


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
