"""The last transform: packed samples for the pair, and for an editor that is trained alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData
from numpy.typing import NDArray
from torch import Tensor

from mmisr.openmmlab.datasets import BaseBoxes, DetDataSample, MagicDataSample
from mmisr.openmmlab.masks import bool_masks
from mmisr.openmmlab.transforms import BaseTransform
from mmisr.ops.boxes import area
from mmisr.ops.masks import resize_masks
from mmisr.ops.motion import HOMOGRAPHY, FrameError, check_partner
from mmisr.registry import TRANSFORMS
from mmisr.structures.frames import FrameMap
from mmisr.structures.marks import Mark

FORWARDED = (
    "img_id",
    "img_path",
    "category_ids",
    "lr_recipe",
    "patch_class",
    "frame_index",
    "flip",
    "flip_direction",
    HOMOGRAPHY,
)
"""Keys that are copied to the sample where a pipeline set them."""

BETWEEN = "a transform between the one that made the LR image and the one that packs"


def to_rgb_tensor(bgr: NDArray[Any]) -> Tensor:
    """(H, W, 3) BGR array to a (3, H, W) RGB uint8 tensor.

    Photometric transforms leave floats, which are rounded.
    """
    if bgr.dtype != np.uint8:
        bgr = np.clip(np.rint(bgr), 0, 255).astype(np.uint8)
    rgb = bgr[..., ::-1]
    planes = np.ascontiguousarray(rgb.transpose(2, 0, 1))
    return torch.from_numpy(planes)


def _need_lr(results: dict, packer: str) -> None:
    if "lr" not in results:
        raise KeyError(
            f"mmisr.{packer} needs the LR image, and results have no 'lr'; put mmisr.SimulateLR or "
            f"mmisr.NativeLR first"
        )


def _boxes(results: dict) -> Tensor:
    boxes = results.get("gt_bboxes")
    if boxes is None:
        return torch.zeros((0, 4))
    xyxy = boxes.tensor if isinstance(boxes, BaseBoxes) else torch.from_numpy(np.asarray(boxes))
    return xyxy.float().reshape(-1, 4)


def _masks(results: dict) -> dict[str, Tensor]:
    """The masks in both frames; nothing where the pipeline loads none.

    The source frame's are ``masks`` (N, H, W), those of the LR image ``masks_lr`` (N, h, w), made
    here, in the workers, once for all who ask.
    """
    if "gt_masks" not in results:
        return {}
    masks = bool_masks(results["gt_masks"])
    expected = (len(_boxes(results)), *results["img"].shape[:2])
    if tuple(masks.shape) != expected:
        raise FrameError(
            f"masks must be those of the boxes and of the image, {expected} (objects, height, "
            f"width), got {tuple(masks.shape)}: a transform moved one without the other; leave it "
            f"out, or load no masks"
        )
    return {"masks": masks, "masks_lr": resize_masks(masks, results["lr"].shape[:2])}


def _areas(boxes: Tensor, results: dict) -> Tensor:
    """Annotated (mask) areas, which shrink and grow with their boxes.

    Box areas where annotations were lost on the way.

    A transform that drops boxes without their ``instances`` (mmdet's crops) breaks the link; one
    that resizes must not leave the area of another frame behind.
    """
    box_areas = area(boxes)
    instances = results.get("instances", ())
    if len(instances) != len(boxes) or len(boxes) == 0:
        return box_areas
    annotated = []
    before = []
    for instance in instances:
        if "area" not in instance or "bbox" not in instance:
            return box_areas
        annotated.append(instance["area"])
        before.append(instance["bbox"])
    # What is left of the box says what is left of the mask.
    shares = box_areas / area(torch.tensor(before, dtype=torch.float32)).clamp(min=1e-6)
    return torch.tensor(annotated, dtype=torch.float32) * shares


def _marks(results: dict, is_ignored: NDArray[np.bool_]) -> Tensor:
    """(N,) what each annotation is, see :class:`mmisr.structures.marks.Mark`.

    Where a transform broke the link to ``instances``, what is ignored is a crowd.
    """
    marks = np.zeros(len(is_ignored), dtype=np.int64)
    marks[is_ignored] = Mark.CROWD
    instances = results.get("instances", ())
    if len(instances) != len(marks):
        instances = ()
    for index, instance in enumerate(instances):
        known = instance.get("marks")
        if known is not None:
            marks[index] = known
    return torch.from_numpy(marks)


def _hr(results: dict) -> NDArray[Any]:
    """The HR image: ``img``, unless that is LR and its partner was read beside it."""
    hr: NDArray[Any] = results.get("hr", results["img"])
    return hr


def _frames(results: dict, source: tuple[int, ...]) -> dict[str, Any]:
    """What a sample says of its frames; ``source`` is height and width of that of its boxes."""
    meta = {key: results[key] for key in FORWARDED if key in results}
    return {
        **meta,
        "source_shape": source,
        "ori_shape": source,
        "img_shape": source,
        "pad_shape": source,
        "scale_factor": (1.0, 1.0),
        "lr_shape": tuple(results["lr_shape"]),
    }


@TRANSFORMS.register_module()
class PackSRDetInputs(BaseTransform):
    """Pack a sample for :class:`mmisr.SRDetector`.

    Convention: ``inputs`` is the LR image, (3, h, w) uint8 RGB. ``data_samples`` holds
    ``gt_instances`` and ``ignored_instances`` (``bboxes`` xyxy, ``labels``, ``areas``, and
    ``marks``, see :class:`mmisr.structures.marks.Mark`) in the **source** frame, ``hr`` (3, H, W)
    uint8 RGB where there is one, and the metainfo ``source_shape``, ``lr_shape`` (the sensor's
    frame, for size bins). Where masks are loaded, the instances have ``masks`` (N, H, W) bool in
    the source frame, and ``masks_lr`` (N, h, w) bool in the pixels of ``inputs``.

    Raises:
        KeyError: No transform before it made an LR image.
        FrameError: A transform moved image, boxes or masks alone.
    """

    def transform(self, results: dict) -> dict:
        """Pack."""
        _need_lr(results, "PackSRDetInputs")
        check_partner(results, BETWEEN)
        sample = DetDataSample(metainfo=_frames(results, results["img"].shape[:2]))
        none_ignored = np.zeros(len(_boxes(results)))
        flags = np.asarray(results.get("gt_ignore_flags", none_ignored), dtype=bool)
        instances = self._instances(results)
        instances.marks = _marks(results, flags)
        ignored = torch.from_numpy(flags)
        sample.gt_instances = instances[~ignored]
        sample.ignored_instances = instances[ignored]
        if results.get("has_hr", False):
            sample.set_field(to_rgb_tensor(_hr(results)), "hr")
        return {"inputs": to_rgb_tensor(results["lr"]), "data_samples": sample}

    @staticmethod
    def _instances(results: dict) -> InstanceData:
        boxes = _boxes(results)
        labels = _labels(results, len(boxes))
        return InstanceData(
            bboxes=boxes,
            labels=torch.from_numpy(labels),
            areas=_areas(boxes, results),
            **_masks(results),
        )


@TRANSFORMS.register_module()
class PackSRInputs(BaseTransform):
    """Pack a sample for an editor that is trained or tested alone, in mmagic's own format.

    Convention: the source frame of a packed editor's sample is HR, wherever its boxes were
    annotated. ``inputs`` is the LR image, ``data_samples.gt_img`` the HR image, both (3, ., .)
    uint8 RGB; the metainfo carries ``boxes_lr`` and ``boxes_source``, (N, 4) float32 xyxy arrays in
    their frames, ``labels``, (N,) int64, and, where masks are loaded, ``masks_lr`` (N, h, w) and
    ``masks_source`` (N, H, W), bool arrays of the same objects.

    Raises:
        KeyError: No LR image, or none that was simulated from an HR image.
        FrameError: A transform moved image, boxes or masks alone.
    """

    def transform(self, results: dict) -> dict:
        """Pack."""
        _need_lr(results, "PackSRInputs")
        check_partner(results, BETWEEN)
        if not results.get("has_hr", False):
            raise KeyError(
                "mmisr.PackSRInputs needs an HR image to learn from: simulate LR with "
                "mmisr.SimulateLR, or read it with mmisr.PairedLR where it was taken separately"
            )
        hr = _hr(results)
        lr = results["lr"]
        own_hw = results["img"].shape[:2]
        hr_hw = (hr.shape[0], hr.shape[1])
        meta = _frames(results, hr_hw)
        boxes = _boxes(results)
        to_lr = FrameMap.between(own_hw, lr.shape[:2])
        to_hr = FrameMap.between(own_hw, hr_hw)
        in_hr = to_hr.boxes(boxes)
        in_lr = to_lr.boxes(boxes)
        meta["boxes_source"] = in_hr.numpy()
        meta["boxes_lr"] = in_lr.numpy()
        meta["labels"] = _labels(results, len(boxes))
        masks = _masks(results)
        if masks:
            masks_hr = resize_masks(masks["masks"], hr_hw)
            meta["masks_source"] = masks_hr.numpy()
            meta["masks_lr"] = masks["masks_lr"].numpy()
        meta |= COLOUR
        sample = MagicDataSample(metainfo=meta)
        sample.set_tensor_data({"gt_img": to_rgb_tensor(hr)})
        return {"inputs": to_rgb_tensor(lr), "data_samples": sample}


def _labels(results: dict, count: int) -> NDArray[np.int64]:
    """(count,) classes of the boxes; 0 where none are annotated."""
    all_first = np.zeros(count)
    return np.asarray(results.get("gt_bboxes_labels", all_first), dtype=np.int64)


COLOUR = {
    "gt_channel_order": "RGB",
    "gt_color_type": "color",
    "img_channel_order": "RGB",
    "img_color_type": "color",
}
"""What mmagic's preprocessor asks of a sample, for the image and its ground truth."""
