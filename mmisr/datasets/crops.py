"""Crops and turns that keep image, boxes, masks and ignore flags together."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from mmisr.openmmlab.masks import turned_masks
from mmisr.openmmlab.transforms import BaseTransform
from mmisr.ops.motion import note_motion
from mmisr.registry import TRANSFORMS


def crop_results(results: dict, y: int, x: int, hw: tuple[int, int]) -> dict:
    """Cut a window out of ``results['img']`` and its annotations.

    Convention: boxes are clipped to the window; those without any area left are removed, and with
    them their labels, flags and masks.

    Args:
        results: With ``img`` (H, W, 3), and ``gt_bboxes`` (mmdet boxes), labels, flags and
            ``gt_masks`` where they are loaded.
        y: First row.
        x: First column.
        hw: Height and width of the window.

    Returns:
        ``results``, changed; ``img_shape`` and ``ori_shape`` are the window's.
    """
    results["img"] = np.ascontiguousarray(results["img"][y : y + hw[0], x : x + hw[1]])
    results["img_shape"] = results["ori_shape"] = results["img"].shape[:2]
    note_motion(results, np.array([[1.0, 0.0, -x], [0.0, 1.0, -y], [0.0, 0.0, 1.0]]))
    if "gt_masks" in results:
        window = np.array([x, y, x + hw[1], y + hw[0]])
        results["gt_masks"] = results["gt_masks"].crop(window)
    if "gt_bboxes" not in results:
        return results
    boxes = results["gt_bboxes"]
    boxes.translate_([-x, -y])
    boxes.clip_(results["img_shape"])
    kept = ((boxes.widths > 0) & (boxes.heights > 0)).numpy()
    results["gt_bboxes"] = boxes[kept]
    for key in ("gt_bboxes_labels", "gt_ignore_flags", "gt_masks"):
        if key in results:
            results[key] = results[key][kept]
    if "instances" in results and len(results["instances"]) == len(kept):
        results["instances"] = [
            i for i, keep in zip(results["instances"], kept, strict=True) if keep
        ]
    return results


@TRANSFORMS.register_module()
class CropToMultiple(BaseTransform):
    """Crop bottom and right so that both sides are multiples of ``multiple``, and the boxes with them.

    Args:
        multiple: The SR scale.

    Raises:
        ValueError: ``multiple`` is below 1, or an image is smaller than it.
    """

    def __init__(self, multiple: int) -> None:
        if multiple < 1:
            raise ValueError(f"CropToMultiple.multiple must be at least 1, got {multiple}")
        self.multiple = multiple

    def transform(self, results: dict) -> dict:
        """Crop ``img`` and its annotations."""
        found = results["img"].shape[:2]
        h, w = (side - side % self.multiple for side in found)
        if h == 0 or w == 0:
            raise ValueError(
                f"{results.get('img_path')} must be at least {self.multiple} pixels on each side "
                f"to be reduced "
                f"{self.multiple} times, found {found[1]}x{found[0]}; remove it or lower the scale"
            )
        return crop_results(results, 0, 0, (h, w))


@TRANSFORMS.register_module()
class RandomPatch(BaseTransform):
    """Crop a random patch for training; with boxes, most patches are drawn around one of them.

    Images smaller than the patch are mirrored out to it first, so that every patch has the same
    size.

    Args:
        size: Side of the patch in pixels.
        around_box: Share of the patches that contain the centre of a random box, where there is
            one.

    Raises:
        ValueError: ``size`` is below 1 or ``around_box`` not in [0, 1].
    """

    def __init__(self, size: int, around_box: float = 0.5) -> None:
        if size < 1 or not 0 <= around_box <= 1:
            raise ValueError(
                f"RandomPatch needs size >= 1 and 0 <= around_box <= 1, got size={size}, "
                f"around_box={around_box}"
            )
        self.size = size
        self.around_box = around_box

    def transform(self, results: dict) -> dict:
        """Cut the patch."""
        image = results["img"]
        short = [max(0, self.size - side) for side in image.shape[:2]]
        if any(short):
            results["img"] = image = np.pad(
                image, ((0, short[0]), (0, short[1]), (0, 0)), mode="symmetric"
            )
            if "gt_masks" in results:  # what is mirrored has no box, and no mask either
                results["gt_masks"] = results["gt_masks"].pad(image.shape[:2])
        y, x = self._corner(image.shape[:2], results.get("gt_bboxes"))
        return crop_results(results, y, x, (self.size, self.size))

    def _corner(self, hw: tuple[int, int], boxes: Any) -> tuple[int, int]:
        limits = [side - self.size for side in hw]
        if boxes is not None and len(boxes) and np.random.rand() < self.around_box:
            x, y = boxes.centers[np.random.randint(len(boxes))].tolist()
            corner = [int(c - np.random.rand() * self.size) for c in (y, x)]
        else:
            corner = [np.random.randint(limit + 1) for limit in limits]
        return min(max(corner[0], 0), limits[0]), min(max(corner[1], 0), limits[1])


@TRANSFORMS.register_module()
class RandomTurn(BaseTransform):
    """Turn image, boxes and masks by a random multiple of 90 degrees.

    For square patches seen from above.
    """

    def transform(self, results: dict) -> dict:
        """Turn counter-clockwise 0 to 3 times."""
        for _ in range(np.random.randint(4)):
            width = results["img"].shape[1]
            results["img"] = np.ascontiguousarray(np.rot90(results["img"]))
            note_motion(results, np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, width], [0.0, 0.0, 1.0]]))
            if "gt_bboxes" in results:
                boxes = results["gt_bboxes"]
                x1, y1, x2, y2 = boxes.tensor.unbind(-1)
                boxes.tensor = torch.stack([y1, width - x2, y2, width - x1], dim=-1)
            if "gt_masks" in results:
                results["gt_masks"] = turned_masks(results["gt_masks"])
            results["img_shape"] = results["ori_shape"] = results["img"].shape[:2]
        return results
