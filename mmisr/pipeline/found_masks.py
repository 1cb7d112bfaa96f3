"""Masks that parts of an image found: into its own pixels, and what a sample gets of them."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from mmisr.evaluation.functional.mask_records import ImageMasks, encoded
from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.samples import source_hw
from mmisr.ops.placed_masks import PlacedMask, pasted
from mmisr.structures.frames import FrameMap

Kind = Literal["pixels", "runs"]


def whole_factors(lr_to_source: FrameMap, setting: str) -> tuple[int, int]:
    """Source pixels per LR pixel along x and y.

    Args:
        lr_to_source: From the pixels of an LR image to the frame of its annotations.
        setting: What asks for parts of the image, for the message.

    Raises:
        ValueError: They are no whole numbers.
    """
    x_scale, y_scale = lr_to_source.scale_xy
    factor_xy = round(x_scale), round(y_scale)
    if factor_xy != (x_scale, y_scale):
        raise ValueError(
            f"masks found in parts of an image ({setting}) come back only where the source frame "
            "is a whole multiple of the LR image along both axes, got "
            f"{x_scale:g} along x and {y_scale:g} along y: crop the images with "
            "mmisr.CropToMultiple, or search whole frames"
        )
    return factor_xy


def finish_masks(sample: DetDataSample, kind: Kind) -> None:
    """Give a sample its predicted masks as who asked for them reads them.

    Args:
        sample: A predicted sample, changed; one without masks stays.
        kind: ``pixels`` for (N, H, W) bool of the source frame; ``runs`` for N of COCO's compressed
            run lengths, which take no more memory than the objects need.
    """
    instances = sample.pred_instances
    masks = instances.get("masks")
    if masks is None:
        return
    hw = source_hw(sample)
    device = instances.bboxes.device
    if kind == "runs":
        instances.masks = [_runs(mask, hw, device) for mask in masks]
    elif not isinstance(masks, Tensor):
        instances.masks = pasted(masks, hw, device)


def found_pixels(sample: DetDataSample) -> Tensor | None:
    """The predicted masks of a sample as pixels, whatever :func:`finish_masks` made of them.

    Args:
        sample: A predicted sample.

    Returns:
        (N, H, W) bool of the source frame; None where there are none.
    """
    masks = sample.pred_instances.get("masks")
    if masks is None or isinstance(masks, Tensor):
        return masks
    counts = tuple(mask["counts"] for mask in masks)
    of_image = ImageMasks(source_hw(sample), gt=(), det=counts)
    pixels = torch.from_numpy(of_image.pixels(counts))
    return pixels.bool().to(sample.pred_instances.bboxes.device)


def _runs(mask: Tensor | PlacedMask, hw: tuple[int, int], device: torch.device) -> dict[str, Any]:
    """One mask as COCO's tools read it."""
    pixels = mask[None] if isinstance(mask, Tensor) else pasted([mask], hw, device)
    (counts,) = encoded(pixels)
    return {"size": list(hw), "counts": counts}
