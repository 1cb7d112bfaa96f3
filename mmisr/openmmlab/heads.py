"""What the heads of any mmdet detector say before boxes are made of it, for teaching."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mmisr.openmmlab.stack import prepare

prepare()

from mmdet.models.detectors.base import BaseDetector
from mmdet.models.roi_heads.standard_roi_head import StandardRoIHead
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox2roi
from mmdet.utils import reduce_mean

from mmisr.openmmlab.taps import pyramid_of
from mmisr.structures.frames import hw_of

__all__ = [
    "DenseOutputs",
    "Recording",
    "check_roi_head",
    "dense_outputs",
    "has_dense_head",
    "proposals_of",
    "recorded",
    "reduce_mean",
    "roi_outputs",
]


@dataclass
class Recording:
    """What one pass of a detector left behind.

    Args:
        input_hw: Height and width of the batch that went in, padding included.
        pyramid: The levels that the heads read, (B, C, h, w) each.
        head: What the dense head put out, as it did; None where the detector has none.
    """

    input_hw: tuple[int, int] = (0, 0)
    pyramid: tuple[Tensor, ...] = ()
    head: Any = None


@dataclass(frozen=True)
class DenseOutputs:
    """The raw predictions of a dense head, all levels and anchors in one row of positions.

    Args:
        scores: (B, P, C) class logits of a sigmoid.
        boxes: (B, P, 4, reg_max + 1) logits of the distances to the sides, or (B, P, 4) numbers
            where the head says no distributions.
    """

    scores: Tensor
    boxes: Tensor

    @property
    def has_bins(self) -> bool:
        """Whether the head says distributions."""
        return self.boxes.ndim == 4


@contextmanager
def recorded(detector: BaseDetector) -> Iterator[Recording]:
    """Keep the pyramid and the dense head's output while a detector runs once; gradients pass.

    Args:
        detector: Any mmdet detector.

    Yields:
        The recording, filled while the detector runs.
    """
    recording = Recording()

    def keep_size(module: nn.Module, inputs: Any) -> None:
        recording.input_hw = hw_of(inputs[0])

    def keep_pyramid(module: nn.Module, inputs: Any, output: Any) -> None:
        recording.pyramid = tuple(output)

    def keep_head(module: nn.Module, inputs: Any, output: Any) -> None:
        recording.head = output

    source = pyramid_of(detector)
    if source is None:
        raise ValueError(f"{type(detector).__name__} has neither neck nor backbone to record")
    handles = [
        detector.backbone.register_forward_pre_hook(keep_size),
        detector.get_submodule(source).register_forward_hook(keep_pyramid),
    ]
    if has_dense_head(detector):
        handles.append(detector.bbox_head.register_forward_hook(keep_head))
    try:
        yield recording
    finally:
        for handle in handles:
            handle.remove()


def has_dense_head(detector: BaseDetector) -> bool:
    """Whether a detector has one head that scores every position of the pyramid with sigmoids."""
    head = getattr(detector, "bbox_head", None)
    return isinstance(head, nn.Module) and bool(getattr(head, "use_sigmoid_cls", False))


def dense_outputs(detector: BaseDetector, recording: Recording) -> DenseOutputs:
    """Read a recording of a dense head.

    Args:
        detector: The detector that was recorded.
        recording: Of one pass.

    Raises:
        ValueError: The head puts out something else than scores and boxes per level.
    """
    head = detector.bbox_head
    output = recording.head
    if not _is_per_level(output):
        raise ValueError(
            f"{type(head).__name__} puts out no scores and boxes per level, so it cannot be taught "
            "by scores and boxes; set score=0 and box=0 in `terms` and teach it by features"
        )
    scores = _rows(output[0], head.cls_out_channels)
    reg_max = getattr(head, "reg_max", None)
    if reg_max is None:
        return DenseOutputs(scores, _rows(output[1], 4))
    flat = _rows(output[1], 4 * (reg_max + 1))
    return DenseOutputs(scores, flat.unflatten(-1, (4, reg_max + 1)))


def _is_per_level(output: Any) -> bool:
    if not isinstance(output, (tuple, list)) or len(output) < 2:
        return False
    return _is_pyramid(output[0]) and _is_pyramid(output[1])


def _is_pyramid(levels: Any) -> bool:
    if not isinstance(levels, (tuple, list)):
        return False
    return all(isinstance(level, Tensor) and level.ndim == 4 for level in levels)


def _rows(levels: Sequence[Tensor], channels: int) -> Tensor:
    """(B, P, channels) of levels of (B, anchors * channels, h, w)."""
    rows = []
    for level in levels:
        channels_last = level.permute(0, 2, 3, 1)
        positions = channels_last.reshape(len(level), -1, channels)
        rows.append(positions)
    return torch.cat(rows, dim=1)


def roi_outputs(
    detector: BaseDetector, pyramid: Sequence[Tensor], proposals: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """What the second stage of a detector says of given regions.

    Args:
        detector: A two-stage detector with mmdet's ``StandardRoIHead``.
        pyramid: Levels that its heads read.
        proposals: For each image (N, 4) xyxy in the detector's frame.

    Returns:
        (R, classes + 1) class logits and (R, 4 or 4 * classes) box deltas.

    Raises:
        ValueError: The detector has another second stage, or none.
    """
    check_roi_head(detector)
    results = detector.roi_head._bbox_forward(tuple(pyramid), bbox2roi(list(proposals)))
    return results["cls_score"], results["bbox_pred"]


def check_roi_head(detector: BaseDetector) -> None:
    """See that a detector's second stage can be asked about given regions.

    Raises:
        ValueError: It has another second stage than ``StandardRoIHead``, or none.
    """
    head = getattr(detector, "roi_head", None)
    # A cascade is a subclass of another kind: it has several box heads.
    if not isinstance(head, StandardRoIHead):
        kind = type(head).__name__ if head is not None else "none"
        raise ValueError(
            f"{type(detector).__name__} can be taught by scores and boxes through a dense head or "
            f"mmdet's StandardRoIHead, its roi_head is {kind}; set score=0 and box=0 in `terms` "
            "and teach it by features"
        )


def proposals_of(
    detector: BaseDetector,
    pyramid: Sequence[Tensor],
    samples: Sequence[DetDataSample],
    most: int,
) -> list[Tensor]:
    """The best regions that a two-stage detector proposes.

    Args:
        detector: With an ``rpn_head``.
        pyramid: Levels that its heads read.
        samples: Of the same images, in the detector's frame.
        most: Regions per image at most.

    Returns:
        For each image (N, 4) xyxy in the detector's frame.
    """
    results = detector.rpn_head.predict(tuple(pyramid), list(samples), rescale=False)
    return [instances.bboxes[:most] for instances in results]
