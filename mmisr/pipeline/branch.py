"""An auxiliary branch: it reads a detector's features in training and restores the HR image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.losses.functional import DISTANCES, Losses, weighted_mean
from mmisr.openmmlab.detector import BaseDetector
from mmisr.openmmlab.taps import tapped
from mmisr.ops.resample import resize
from mmisr.pipeline.handoff import DetectorBatch
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.structures.frames import hw_of

PROBE = 128
"""Side of the image by which channels and strides of the taps are found out."""


def probe_taps(pair: SRDetector, taps: Sequence[str], what: str) -> tuple[list[int], int]:
    """What the taps of a branch are like.

    Args:
        pair: Its detector is run once.
        taps: Features that the branch reads, the finest first, see
            :func:`mmisr.openmmlab.taps.tapped`.
        what: Who has the branch, for the messages.

    Returns:
        Channels of each tap, and the detector's pixels per cell of the first.

    Raises:
        ValueError: The detector has no such tap, one lies in its head, or one is finer than the
            first.
    """
    depths = []
    cells = []
    for features in _probed(pair.detector, taps, what):
        _, depth, _, width = features.shape
        depths.append(depth)
        cells.append(width)
    if max(cells) > cells[0]:
        raise ValueError(
            f"{what}: the first tap must be the finest, got {', '.join(taps)} with "
            f"{', '.join(map(str, cells))} cells along an image of {PROBE} pixels"
        )
    return depths, round(PROBE / cells[0])


def _probed(detector: BaseDetector, taps: Sequence[str], what: str) -> list[Tensor]:
    """The taps' features of an image of :data:`PROBE` pixels."""
    image = torch.zeros(1, 3, PROBE, PROBE)
    training = detector.training
    detector.eval()
    with tapped(detector, taps) as features, torch.no_grad():
        detector.extract_feat(image)
    detector.train(training)
    for name in taps:
        if not features.all(name):
            raise ValueError(
                f"{what}: taps must lie in the backbone or the neck, {name!r} does not"
            )
    return [features[name] for name in taps]


def losses_and_taps(
    detector: BaseDetector, view: DetectorBatch, names: Sequence[str], detach: bool
) -> tuple[Losses, list[Tensor]]:
    """The detector's own losses, and the features that a branch reads meanwhile.

    Args:
        detector: The detector that learns.
        view: Its batch.
        names: Of the taps.
        detach: Whether the branch's gradient is cut off from the detector.
    """
    taps = []
    with tapped(detector, names) as features:
        losses = detector.loss(view.inputs, view.samples)
    for name in names:
        tap = features[name]
        taps.append(tap.detach() if detach else tap)
    return losses, taps


def hr_targets(
    batch: TrainingBatch,
    canvas_hw: tuple[int, int],
    sizes: Sequence[tuple[int, int]] | None = None,
) -> tuple[Tensor, Tensor]:
    """What a branch is to restore.

    Args:
        batch: What is seen of this iteration.
        canvas_hw: Height and width of what the branch puts out, padding included.
        sizes: Height and width that each image has on it, from the upper left; None for those of
            the HR images in the detector's frame.

    Returns:
        HR images, (B, 3, *canvas_hw) RGB in [0, 1], 0 where nothing is; and where they are,
        (B, 1, *canvas_hw) of 1 and 0.

    Raises:
        ValueError: A sample has no HR image.
    """
    handoff = batch.pair.handoff
    images = [handoff.resize(image) for image in batch.hr_images()]
    if sizes is None:
        sizes = [hw_of(image) for image in images]
    targets = []
    valid = []
    for image, hw in zip(images, sizes, strict=True):
        sized = resize(image[None], hw, "bilinear")
        target = _padded(sized[0], canvas_hw)
        inside = torch.ones(1, *hw).to(target)
        targets.append(target)
        valid.append(_padded(inside, canvas_hw))
    return torch.stack(targets), torch.stack(valid)


def _padded(image: Tensor, hw: tuple[int, int]) -> Tensor:
    """An image in the upper left of a larger one of zeros."""
    height, width = hw_of(image)
    below = hw[0] - height
    beside = hw[1] - width
    return F.pad(image, (0, beside, 0, below))


def restoration_gap(
    restored: Tensor, targets: Tensor, valid: Tensor, distance: str = "l1"
) -> Tensor:
    """Mean distance of restored images from their targets, padding left out.

    Args:
        restored: (B, 3, H', W') with H' and W' at least those of the targets.
        targets: (B, 3, H, W).
        valid: (B, 1, H, W), 1 where the targets are images.
        distance: One of :data:`mmisr.losses.functional.DISTANCES`.

    Returns:
        A scalar.
    """
    height, width = hw_of(targets)
    inside = restored[..., :height, :width]
    values = DISTANCES[distance](inside, targets)
    return weighted_mean(values, valid)
