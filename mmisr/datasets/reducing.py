"""Images of a data set at a smaller size, with their annotations."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from mmisr.datasets.crops import set_image
from mmisr.openmmlab.transforms import BaseTransform
from mmisr.ops.motion import note_motion
from mmisr.ops.resample import resize
from mmisr.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ReduceImage(BaseTransform):
    """Reduce image, boxes and masks by a whole factor: bicubic, antialiased, rounded to 8 bits.

    What ``mmisr.SimulateLR`` makes by its recipe ``matlab_bicubic`` becomes the HR image: the
    target of an editor that restores LR images, or the images of a detector of LR's size.

    Args:
        scale: The factor; both sides must be multiples of it.

    Raises:
        ValueError: ``scale`` is below 1; in use, a side is no multiple of it.
    """

    def __init__(self, scale: int) -> None:
        if isinstance(scale, bool) or int(scale) != scale or scale < 1:
            raise ValueError(f"ReduceImage.scale must be a whole number >= 1, got {scale!r}")
        self.scale = int(scale)

    def transform(self, results: dict) -> dict:
        """Reduce ``img`` and its annotations."""
        scale = self.scale
        height, width = results["img"].shape[:2]
        if height % scale or width % scale:
            path = results.get("img_path")
            raise ValueError(
                f"{path}: sides must be multiples of ReduceImage.scale={scale}, found "
                f"{width}x{height}; put mmisr.CropToMultiple before"
            )
        reduced = _reduced(results["img"], scale)
        set_image(results, reduced)
        factor = 1 / scale
        shrink = np.diag([factor, factor, 1])
        note_motion(results, shrink)
        if "gt_bboxes" in results:
            boxes = results["gt_bboxes"]
            boxes.rescale_((factor, factor))
        if "gt_masks" in results:
            masks = results["gt_masks"]
            results["gt_masks"] = masks.resize(results["img_shape"])
        return results


def _reduced(image: NDArray, scale: int) -> NDArray[np.uint8]:
    """(H, W, 3) to (H/s, W/s, 3) on whole levels, in float64 as the recipes compute."""
    height, width = image.shape[:2]
    rows = height // scale
    columns = width // scale
    writable = image.copy()
    pixels = torch.from_numpy(writable)
    planes = pixels.permute(2, 0, 1)[None]
    planes = planes.double()
    levels = resize(planes, (rows, columns), "bicubic", antialias=True)
    levels = levels.clamp(0, 255)
    whole = torch.floor(levels + 0.5)
    whole = whole[0].byte()
    reduced = whole.permute(1, 2, 0)
    return reduced.numpy()
