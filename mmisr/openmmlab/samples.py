"""The one reader of samples.

Of the pair's (mmdet's format) and of an editor's alone (mmagic's), packed or as dicts.

An editor's sample has ``gt_img`` and its boxes as metainfo, a pair's has ``hr`` and
``gt_instances``. Whoever wants an image, a box or a hint asks here and need not know which it got.
mmengine's evaluator hands samples on as dicts; they are read alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from zlib import crc32

import torch
from torch import Tensor

from mmisr.openmmlab.stack import prepare

prepare()

from mmagic.structures import DataSample as MagicDataSample

from mmisr.openmmlab.masks import bool_masks
from mmisr.ops.masks import resize_masks
from mmisr.structures.frames import FrameMap
from mmisr.structures.hints import BatchHints, ImageHints

__all__ = [
    "annotated_boxes",
    "annotated_labels",
    "annotated_masks",
    "boxes_in_hr",
    "hints_from",
    "hints_of",
    "hr_pixels",
    "image_seed",
    "source_hw",
]

Frame = Literal["source", "lr"]


def source_hw(sample: Any) -> tuple[int, int]:
    """Height and width of the frame that a sample's boxes are in.

    ``ori_shape`` where a foreign pipeline packed it.

    Args:
        sample: A sample of either format.

    Raises:
        ValueError: It carries neither.
    """
    shape = sample.get("source_shape")
    if shape is None:
        shape = sample.get("ori_shape")
    if shape is None:
        raise ValueError(
            "a data sample carries neither `source_shape` nor `ori_shape`, so its frame is "
            "unknown; "
            "pack it with mmisr.PackSRDetInputs"
        )
    return int(shape[0]), int(shape[1])


def hr_pixels(sample: Any) -> Tensor | None:
    """The HR image.

    Args:
        sample: A sample of either format.

    Returns:
        (3, H, W) RGB with values from 0 to 255, or None where LR was not simulated from one.
    """
    image: Tensor | None = sample.get("hr")
    if image is None:
        image = sample.get("gt_img")
    return image


def annotated_boxes(
    sample: Any, frame: Frame, lr_hw: tuple[int, int] | None = None
) -> Tensor | None:
    """The annotated boxes that count.

    Args:
        sample: A sample of either format.
        frame: Frame of the result, ``source`` or ``lr``.
        lr_hw: Height and width of the LR image, for the frame ``lr`` of a pair's sample.

    Returns:
        (N, 4) xyxy float32, or None where the sample carries no annotations.

    Raises:
        ValueError: ``lr_hw`` is absent for the frame ``lr``, or the sample's frame is unknown.
    """
    ready = sample.get(f"boxes_{frame}")  # as mmisr.PackSRInputs leaves them
    if ready is not None:
        return _boxes(ready)
    instances = sample.get("gt_instances")
    xyxy = None if instances is None else instances.get("bboxes")
    if xyxy is None or frame == "source":
        return None if xyxy is None else _boxes(xyxy)
    if lr_hw is None:
        raise ValueError(
            "annotated_boxes needs lr_hw, height and width of the LR image, for the frame 'lr'"
        )
    return FrameMap.between(source_hw(sample), lr_hw).boxes(_boxes(xyxy))


def boxes_in_hr(sample: Any) -> Tensor | None:
    """The annotated boxes in pixels of the HR image.

    It is the source frame, unless the sample says otherwise: native LR that has a partner.

    Args:
        sample: A sample of either format, with its HR image.

    Returns:
        (N, 4) xyxy float32, or None where the sample carries no annotations or no HR image.
    """
    boxes = annotated_boxes(sample, "source")
    hr = hr_pixels(sample)
    if boxes is None or hr is None:
        return None
    if sample.get("source_shape") is None:
        return boxes
    hr_hw = (hr.shape[-2], hr.shape[-1])
    return FrameMap.between(source_hw(sample), hr_hw).boxes(boxes)


def _boxes(xyxy: Any) -> Tensor:
    return torch.as_tensor(getattr(xyxy, "tensor", xyxy)).float().reshape(-1, 4)


def annotated_labels(sample: Any) -> Tensor | None:
    """The classes of the boxes that :func:`annotated_boxes` gives, in the same order.

    Args:
        sample: A sample of either format.

    Returns:
        (N,) int64 from 0, or None where the sample carries none.
    """
    labels = sample.get("labels")  # as mmisr.PackSRInputs leaves them
    instances = sample.get("gt_instances")
    if labels is None and instances is not None:
        labels = instances.get("labels")
    return None if labels is None else torch.as_tensor(labels).long()


def annotated_masks(
    sample: Any, frame: Frame, lr_hw: tuple[int, int] | None = None
) -> Tensor | None:
    """The masks of the boxes that :func:`annotated_boxes` gives, in the same order.

    Args:
        sample: A sample of either format.
        frame: Frame of the result, ``source`` or ``lr``.
        lr_hw: Height and width of the LR image, for the frame ``lr``.

    Returns:
        (N, h, w) bool in the pixels of the frame; how they come into the lr frame is said in
        :func:`mmisr.ops.masks.resize_masks`. None where the data set loads no masks.

    Raises:
        ValueError: ``lr_hw`` is absent for the frame ``lr``.
    """
    in_source = _stored_masks(sample, "source")
    if in_source is None or frame == "source":
        return in_source
    if lr_hw is None:
        raise ValueError(
            "annotated_masks needs lr_hw, height and width of the LR image, for the frame 'lr'"
        )
    in_lr = _stored_masks(sample, "lr")
    # An arm may see other pixels than the sample was packed with, resized or HR.
    if in_lr is not None and tuple(in_lr.shape[1:]) == tuple(lr_hw):
        return in_lr
    return resize_masks(in_source, lr_hw)


def _stored_masks(sample: Any, frame: Frame) -> Tensor | None:
    masks = sample.get(f"masks_{frame}")  # as mmisr.PackSRInputs leaves them
    if masks is None:
        instances = sample.get("gt_instances")
        key = "masks" if frame == "source" else "masks_lr"
        masks = None if instances is None else instances.get(key)
    return None if masks is None else bool_masks(masks)


def image_seed(img_id: object) -> int:
    """A 32-bit seed that depends on the image alone, not on batch, worker or run.

    Args:
        img_id: The image's id, anything with a text of its own.

    Example:
        >>> image_seed(7) == image_seed("7")
        True
    """
    return crc32(str(img_id).encode())


def hints_of(sample: Any, lr_hw: tuple[int, int]) -> ImageHints:
    """What a sample says of its image.

    Only the ``oracle`` router reads the boxes for routing, and its results leak: sharpness then
    marks where objects are.

    Args:
        sample: A sample of either format, not stacked.
        lr_hw: Height and width of its LR image.

    Returns:
        The hints; boxes, and masks where the data set loads them, in the lr frame.
    """
    return ImageHints(
        boxes_lr=annotated_boxes(sample, "lr", lr_hw),
        labels=annotated_labels(sample),
        masks_lr=annotated_masks(sample, "lr", lr_hw),
        lr_hw=lr_hw,
        seed=image_seed(sample.get("img_id")),
        frame_index=sample.get("frame_index"),
        patch_class=sample.get("patch_class"),
    )


def hints_from(data_samples: Any, lr_hw: tuple[int, int]) -> BatchHints | None:
    """The hints of a batch of one size, as mmagic hands it on.

    Args:
        data_samples: A sample, a stacked one, a list of samples, or None.
        lr_hw: Height and width of the LR images.

    Returns:
        One record per image, or None without samples.
    """
    if data_samples is None:
        return None
    samples: Sequence[Any] = (
        [data_samples] if isinstance(data_samples, MagicDataSample) else data_samples
    )
    return [hints_of(image, lr_hw) for sample in samples for image in _unstacked(sample)]


def _unstacked(sample: Any) -> list[Any]:
    ids = sample.get("img_id")
    if not isinstance(ids, list):
        return [sample]
    return [
        {key: value[index] for key, value in sample.metainfo.items() if isinstance(value, list)}
        for index in range(len(ids))
    ]
