"""What the discriminator sees of the images of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mmisr.openmmlab.samples import image_seed
from mmisr.ops.boxes import area, clip
from mmisr.pipeline.hints import ground_truth_hints
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.structures.frames import FrameMap, hw_of
from mmisr.structures.hints import ImageHints, boxes_in

BACKGROUND = 0
"""Class of a patch without objects; the data set's classes count from 1 here."""


@dataclass(frozen=True)
class Window:
    """A square of an image.

    Args:
        top: Its first row.
        left: Its first column.
        side: Its height and width.
    """

    top: int
    left: int
    side: int

    def of(self, image: Tensor) -> Tensor:
        """The (C, side, side) square of a (C, H, W) image."""
        rows = image[:, self.top : self.top + self.side]
        return rows[:, :, self.left : self.left + self.side]

    def boxes(self, xyxy: Tensor) -> Tensor:
        """What of (N, 4) boxes of the image lies in the square, in its own pixels."""
        corner = (-float(self.left), -float(self.top))
        to_square = FrameMap(offset_xy=corner)
        moved = to_square.boxes(xyxy)
        return clip(moved, (self.side, self.side))


@dataclass(frozen=True)
class Patches:
    """The same squares of SR and of HR.

    Args:
        sr: (B, 3, patch, patch) RGB in [0, 1]; gradients pass.
        hr: The same of HR.
        labels: (B,) int64, the class of the largest object in the square, 0 for none.
    """

    sr: Tensor
    hr: Tensor
    labels: Tensor


def cut(batch: TrainingBatch, images: Sequence[Tensor], side: int) -> Patches:
    """One square of every image, at a place that depends on the image and the iteration alone.

    Args:
        batch: What is seen of this iteration.
        images: (3, H_i, W_i) SR images.
        side: Of the squares.

    Raises:
        ValueError: A sample has no HR image, or an image is smaller than the square.
    """
    targets = batch.hr_images()
    hints = ground_truth_hints(batch.lr, batch.samples) or []
    seeds = _seeds(batch)
    ours = []
    theirs = []
    labels = []
    for image, target, known, seed in zip(images, targets, hints, seeds, strict=True):
        hw = hw_of(image)
        window = window_of(hw, side, seed)
        of_sr = window.of(image)
        of_hr = window.of(target)
        label = label_of(known, hw, window)
        ours.append(of_sr)
        theirs.append(of_hr)
        labels.append(label)
    sr = torch.stack(ours)
    hr = torch.stack(theirs)
    classes = torch.tensor(labels, device=sr.device)
    return Patches(sr, hr, classes)


def _seeds(batch: TrainingBatch) -> list[int]:
    """Of the places in this iteration, one per image."""
    iteration = batch.pair.strategy.progress.iteration
    seeds = []
    for sample in batch.samples:
        of_image = image_seed(sample.get("img_id"))
        seeds.append(of_image + iteration)
    return seeds


def window_of(hw: tuple[int, int], side: int, seed: int) -> Window:
    """A square at a random place.

    Args:
        hw: Height and width of the image.
        side: Of the square.
        seed: Of the place.

    Raises:
        ValueError: The image is smaller.

    Example:
        >>> window_of((8, 8), 8, seed=3)
        Window(top=0, left=0, side=8)
    """
    if min(hw) < side:
        raise ValueError(
            f"strategy Adversarial: the discriminator sees patches of {side} pixels, and an SR "
            f"image has {hw[0]} x {hw[1]}; train on larger crops (mmisr.RandomPatch), or set a "
            "smaller discriminator=dict(patch=...)"
        )
    generator = torch.Generator().manual_seed(seed)
    height, width = hw
    top = _below(height - side + 1, generator)
    left = _below(width - side + 1, generator)
    return Window(top, left, side)


def _below(count: int, generator: torch.Generator) -> int:
    drawn = torch.randint(count, (1,), generator=generator)
    return int(drawn)


def label_of(known: ImageHints, hw: tuple[int, int], window: Window) -> int:
    """The class of the annotated object that covers most of a square.

    Args:
        known: Of the image.
        hw: Height and width of the image that the square is cut from.
        window: The square.

    Returns:
        The class, counted from 1; 0 where there is no object.
    """
    labels = known.labels
    in_image = boxes_in([known], hw)
    if in_image is None or labels is None:
        return BACKGROUND
    (boxes,) = in_image
    if not len(boxes):
        return BACKGROUND
    seen = window.boxes(boxes)
    areas = area(seen)
    largest = areas.argmax()
    if areas[largest] <= 0:
        return BACKGROUND
    return int(labels[largest]) + 1
