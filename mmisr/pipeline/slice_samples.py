"""Samples of slices: what is known of an image, for the part of it that the pair sees at once."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.structures import InstanceData
from torch import Tensor

from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.samples import annotated_masks, source_hw
from mmisr.ops.boxes import area, clip
from mmisr.ops.masks import resize_masks
from mmisr.pipeline.found_masks import whole_factors
from mmisr.structures.frames import FrameMap


class SliceSamples:
    """Makes the samples of the slices of one image.

    Convention: the source frame of a slice has as many pixels per LR pixel as that of the image
    where these are whole numbers, else one: it is the LR pixels themselves.

    Args:
        sample: Of the image.
        hw: Height and width of the image in LR pixels.
    """

    def __init__(self, sample: DetDataSample, hw: tuple[int, int]) -> None:
        self.sample = sample
        self.to_source = FrameMap.between(hw, source_hw(sample))
        self.factor_xy = _factors(self.to_source)
        self.masks_lr = annotated_masks(sample, "lr", hw)
        self.masks = self._masks_in_own_pixels(hw)

    def _masks_in_own_pixels(self, hw: tuple[int, int]) -> Tensor | None:
        """(N, f*h, f*w) masks of the image in the pixels of the slices' source frames."""
        in_source = annotated_masks(self.sample, "source")
        if in_source is None:
            return None
        height, width = hw
        x_factor, y_factor = self.factor_xy
        own_hw = height * y_factor, width * x_factor
        return resize_masks(in_source, own_hw)

    def of(self, window: Sequence[int]) -> DetDataSample:
        """The sample of a slice: its sizes, and what is annotated there.

        Args:
            window: What the slice shows, xyxy in LR pixels.
        """
        x1, y1, x2, y2 = window
        x_factor, y_factor = self.factor_xy
        height = y2 - y1
        width = x2 - x1
        lr_hw = height, width
        own_hw = height * y_factor, width * x_factor
        known = dict(self.sample.metainfo)
        known["lr_shape"] = lr_hw
        for key in ("source_shape", "ori_shape", "img_shape"):
            known[key] = own_hw
        own = DetDataSample(metainfo=known)
        annotated = self.sample.get("gt_instances")
        if annotated is not None and "bboxes" in annotated:
            own.gt_instances = self._seen(annotated, window, own_hw)
        return own

    def _seen(
        self, annotated: InstanceData, window: Sequence[int], own_hw: tuple[int, int]
    ) -> InstanceData:
        """Boxes, classes and masks of the objects of an image that reach into a slice."""
        x1, y1, x2, y2 = window
        x_factor, y_factor = self.factor_xy
        offset_xy = -x1 * x_factor, -y1 * y_factor
        to_lr = self.to_source.inverse()
        to_own = to_lr.then(FrameMap(self.factor_xy, offset_xy))
        moved = to_own.boxes(annotated.bboxes)
        boxes = clip(moved, own_hw)
        is_seen = area(boxes) > 0
        seen = InstanceData(bboxes=boxes[is_seen])
        if "labels" in annotated:
            seen.labels = annotated.labels[is_seen]
        if self.masks_lr is not None and self.masks is not None:
            seen.masks_lr = self.masks_lr[is_seen, y1:y2, x1:x2]
            rows = slice(y1 * y_factor, y2 * y_factor)
            cols = slice(x1 * x_factor, x2 * x_factor)
            seen.masks = self.masks[is_seen, rows, cols]
        return seen


def _factors(lr_to_source: FrameMap) -> tuple[int, int]:
    """Source pixels per LR pixel where these are whole numbers, else 1: LR pixels themselves."""
    try:
        return whole_factors(lr_to_source, "test_cfg.slices")
    except ValueError:
        return 1, 1
