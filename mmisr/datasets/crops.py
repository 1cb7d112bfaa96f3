"""Crops and turns that keep image, boxes, masks and ignore flags together."""

from __future__ import annotations

from itertools import compress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmisr.openmmlab.masks import turned_masks
from mmisr.openmmlab.transforms import BaseTransform
from mmisr.ops.motion import MIRRORED, note_motion
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
    height, width = hw
    bottom = y + height
    right = x + width
    image = results["img"]
    window = image[y:bottom, x:right]
    set_image(results, window)
    motion = np.eye(3)
    motion[0, 2] = -x
    motion[1, 2] = -y
    note_motion(results, motion)
    if "gt_masks" in results:
        masks = results["gt_masks"]
        xyxy = np.array([x, y, right, bottom])
        results["gt_masks"] = masks.crop(xyxy)
    if "gt_bboxes" not in results:
        return results
    boxes = results["gt_bboxes"]
    boxes.translate_([-x, -y])
    boxes.clip_(results["img_shape"])
    has_width = boxes.widths > 0
    has_height = boxes.heights > 0
    has_area = has_width & has_height
    _select(results, has_area.numpy())
    return results


def set_image(results: dict, image: NDArray[Any]) -> None:
    """Put in an image of another size, with all that states its size."""
    results["img"] = np.ascontiguousarray(image)
    results["img_shape"] = image.shape[:2]
    results["ori_shape"] = image.shape[:2]


def _select(results: dict, is_chosen: NDArray[np.bool_]) -> None:
    """Leave only the chosen ones of N objects, in every list that has an entry per object."""
    for key in ("gt_bboxes", "gt_bboxes_labels", "gt_ignore_flags", "gt_masks"):
        if key in results:
            entries = results[key]
            results[key] = entries[is_chosen]
    instances = results.get("instances", ())
    # mmdet's own crops drop boxes without these: then nobody knows whose they are.
    are_aligned = len(instances) == len(is_chosen)
    if are_aligned:
        chosen = compress(instances, is_chosen)
        results["instances"] = list(chosen)


@TRANSFORMS.register_module()
class CropToMultiple(BaseTransform):
    """Crop image and boxes at bottom and right so that both sides are multiples of ``multiple``.

    Args:
        multiple: What the sides are divided by: the SR scale.

    Raises:
        ValueError: ``multiple`` is below 1, or an image is smaller than it.
    """

    def __init__(self, multiple: int) -> None:
        if multiple < 1:
            raise ValueError(f"CropToMultiple.multiple must be at least 1, got {multiple}")
        self.multiple = multiple

    def transform(self, results: dict) -> dict:
        """Crop ``img`` and its annotations."""
        multiple = self.multiple
        height, width = results["img"].shape[:2]
        h = height - height % multiple
        w = width - width % multiple
        if min(h, w) == 0:
            path = results.get("img_path")
            raise ValueError(
                f"{path} must be at least {multiple} pixels on each side "
                f"to be reduced "
                f"{multiple} times, found {width}x{height}; remove it or lower the scale"
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
        multiple: Patches begin at multiples of it: the SR scale, where LR was taken separately
            (:class:`mmisr.datasets.paired.PairedLR`).

    Raises:
        ValueError: ``size`` is below 1, ``around_box`` not in [0, 1], or ``size`` no multiple of
            ``multiple``; in use, an image that is smaller has sides that are none.
    """

    def __init__(self, size: int, around_box: float = 0.5, multiple: int = 1) -> None:
        if size < 1 or not 0 <= around_box <= 1:
            raise ValueError(
                f"RandomPatch needs size >= 1 and 0 <= around_box <= 1, got size={size}, "
                f"around_box={around_box}"
            )
        if multiple < 1 or size % multiple:
            raise ValueError(
                f"RandomPatch.size must be a multiple of multiple >= 1, got size={size}, "
                f"multiple={multiple}"
            )
        self.size = size
        self.around_box = around_box
        self.multiple = multiple

    def transform(self, results: dict) -> dict:
        """Cut the patch."""
        image = results["img"]
        height, width = image.shape[:2]
        missing_rows = max(0, self.size - height)
        missing_columns = max(0, self.size - width)
        if missing_rows or missing_columns:
            self._check_mirrors(height, width, results)
            margins = ((0, missing_rows), (0, missing_columns), (0, 0))
            image = np.pad(image, margins, mode="symmetric")
            results["img"] = image
            results[MIRRORED] = True
            if "gt_masks" in results:  # what is mirrored has no box, and no mask either
                masks = results["gt_masks"]
                results["gt_masks"] = masks.pad(image.shape[:2])
        boxes = results.get("gt_bboxes")
        y, x = self._corner(image.shape[:2], boxes)
        return crop_results(results, y, x, (self.size, self.size))

    def _check_mirrors(self, height: int, width: int, results: dict) -> None:
        """See that an image is mirrored out at a multiple, as its partner will be."""
        if height % self.multiple or width % self.multiple:
            path = results.get("img_path")
            raise ValueError(
                f"{path} is smaller than RandomPatch.size={self.size}, and its sides must be "
                f"multiples of {self.multiple} to be mirrored out, found {width}x{height}; put "
                f"mmisr.CropToMultiple(multiple={self.multiple}) before"
            )

    def _corner(self, hw: tuple[int, int], boxes: Any) -> tuple[int, int]:
        """First row and column of the patch, both drawn."""
        last_row = hw[0] - self.size
        last_column = hw[1] - self.size
        has_boxes = boxes is not None and len(boxes) > 0
        if has_boxes and np.random.rand() < self.around_box:
            index = np.random.randint(len(boxes))
            center_x, center_y = boxes.centers[index].tolist()
            above = np.random.rand() * self.size
            before = np.random.rand() * self.size
            row = int(center_y - above)
            column = int(center_x - before)
        else:
            row = np.random.randint(last_row + 1)
            column = np.random.randint(last_column + 1)
        row = min(max(row, 0), last_row)
        column = min(max(column, 0), last_column)
        return row - row % self.multiple, column - column % self.multiple


QUARTER_TURN = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""Counter-clockwise about the corner; what is then negative moves down by the width."""


@TRANSFORMS.register_module()
class RandomTurn(BaseTransform):
    """Turn image, boxes and masks by a random multiple of 90 degrees.

    For square patches seen from above.
    """

    def transform(self, results: dict) -> dict:
        """Turn counter-clockwise 0 to 3 times."""
        turns = np.random.randint(4)
        for _ in range(turns):
            self._turn(results)
        return results

    @staticmethod
    def _turn(results: dict) -> None:
        """A quarter turn: x becomes the distance from the right edge, and a row number."""
        width = results["img"].shape[1]
        set_image(results, np.rot90(results["img"]))
        motion = QUARTER_TURN.copy()
        motion[1, 2] = width
        note_motion(results, motion)
        if "gt_bboxes" in results:
            boxes = results["gt_bboxes"]
            x1, y1, x2, y2 = boxes.tensor.unbind(-1)
            corners = [y1, width - x2, y2, width - x1]
            boxes.tensor = torch.stack(corners, dim=-1)
        if "gt_masks" in results:
            masks = results["gt_masks"]
            results["gt_masks"] = turned_masks(masks)
