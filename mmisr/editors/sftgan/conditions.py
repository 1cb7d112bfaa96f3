"""What is known of an image's objects, as a map of classes that the features are modulated by."""

from __future__ import annotations

import torch
from torch import Tensor

from mmisr.ops.coverage import box_shares
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import Found, ImageHints, annotated

AT_ONCE = 32
"""Objects whose pixels are in memory together."""

PRIORS = ("found", "oracle", "none")
"""What a map is made of: what a detector found, what is annotated (this leaks), or nothing."""


def known_objects(hints: ImageHints | None, prior: str, num_classes: int) -> Found | None:
    """The objects that a map is made of.

    Args:
        hints: Of the image; None where nothing is known.
        prior: One of ``PRIORS``.
        num_classes: Classes of the map beside the background; where it is one, annotated boxes
            without labels are of that class.

    Returns:
        Annotated objects have scores of 1; None where there is no such record.
    """
    if hints is None or prior == "none":
        return None
    if prior == "found":
        return hints.found
    if hints.labels is None and num_classes > 1:
        return None
    return annotated(hints)


def class_map(objects: Found | None, num_classes: int, hw: tuple[int, int]) -> Tensor:
    """How much of each pixel belongs to each class.

    A class has in a pixel the largest, over its objects, of score times the share of the pixel that
    the object covers: by its mask where there are masks, else by its box, whose edges are soft.
    Where several classes have more than 1 together they are scaled down to 1. The background has
    the rest.

    Convention: LR pixels, box edges on pixel corners.

    Args:
        objects: What is there; None for nothing.
        num_classes: K, classes beside the background.
        hw: Height and width of the LR image.

    Returns:
        (K + 1, h, w), the background first; every pixel sums to 1.

    Raises:
        ValueError: An object is of a class that the map has not, or masks are of another size.

    Example:
        >>> car = Found(torch.tensor([[0.0, 0.0, 1.5, 1.0]]), torch.ones(1), torch.tensor([0]))
        >>> class_map(car, 1, (1, 3)).tolist()
        [[[0.0, 0.5, 1.0]], [[1.0, 0.5, 0.0]]]
    """
    if objects is None:
        return background(num_classes, hw)
    _check(objects, num_classes, hw)
    classes = objects.boxes_lr.new_zeros(num_classes, *hw)
    for first in range(0, len(objects.scores), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        evidence = _evidence(objects, some, hw)
        labels = objects.labels[some, None, None]
        index = labels.expand_as(evidence)
        classes = classes.scatter_reduce(0, index, evidence, "amax")
    total = classes.sum(0)
    classes = classes / total.clamp(min=1)
    rest = 1 - classes.sum(0, keepdim=True)
    rest = rest.clamp(min=0)
    return torch.cat([rest, classes])


def _evidence(objects: Found, some: slice, hw: tuple[int, int]) -> Tensor:
    """(n, h, w) score times the share of each pixel that some of the objects cover."""
    boxes = objects.boxes_lr[some]
    scores = objects.scores[some, None, None]
    if objects.masks_lr is None:
        return scores * box_shares(boxes, hw)
    masks = objects.masks_lr[some]
    return scores * masks.to(boxes)


def background(num_classes: int, hw: tuple[int, int]) -> Tensor:
    """The map of an image of which nothing is known.

    Args:
        num_classes: K, classes beside the background.
        hw: Height and width of the LR image.

    Returns:
        (K + 1, h, w), 1 in the first channel.
    """
    maps = torch.zeros(num_classes + 1, *hw)
    maps[0] = 1
    return maps


def _check(objects: Found, num_classes: int, hw: tuple[int, int]) -> None:
    labels = objects.labels
    last = int(labels.max()) if len(labels) else -1
    if last >= num_classes:
        raise ValueError(
            f"SFTGAN(num_classes={num_classes}) has no class {last}, which an object "
            "of this image is of (classes count from 0); give it the number of classes of the "
            "detector and of the data set"
        )
    masks = objects.masks_lr
    if masks is not None and hw_of(masks) != tuple(hw):
        raise ValueError(
            f"masks of objects must have the size of the LR image, {tuple(hw)}, got "
            f"{hw_of(masks)}; resize them with mmisr.ops.masks.resize_masks"
        )
