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
        self.hw = hw
        frame_hw = source_hw(sample)
        self.to_source = FrameMap.between(hw, frame_hw)
        self.factor_xy = _factors(self.to_source)

    def _enlarged(self, hw: tuple[int, int]) -> tuple[int, int]:
        """Height and width of LR pixels in those of the slices' source frames."""
        height, width = hw
        x_factor, y_factor = self.factor_xy
        rows = height * y_factor
        cols = width * x_factor
        return rows, cols

    def of(self, window: Sequence[int]) -> DetDataSample:
        """The sample of a slice: its sizes, and what is annotated there.

        Args:
            window: What the slice shows, xyxy in LR pixels.
        """
        x1, y1, x2, y2 = window
        height = y2 - y1
        width = x2 - x1
        lr_hw = height, width
        own_hw = self._enlarged(lr_hw)
        known = dict(self.sample.metainfo)
        known["lr_shape"] = lr_hw
        for key in ("source_shape", "ori_shape", "img_shape"):
            known[key] = own_hw
        own = DetDataSample(metainfo=known)
        annotated = self.sample.get("gt_instances")
        if annotated is not None and "bboxes" in annotated:
            own.gt_instances = self._seen(annotated, window, lr_hw)
        return own

    def _seen(
        self, annotated: InstanceData, window: Sequence[int], lr_hw: tuple[int, int]
    ) -> InstanceData:
        """Boxes, classes and masks of the objects of an image that reach into a slice."""
        own_hw = self._enlarged(lr_hw)
        x, y, _, _ = window
        x_factor, y_factor = self.factor_xy
        left = x * x_factor
        top = y * y_factor
        to_lr = self.to_source.inverse()
        offset_xy = -left, -top
        from_lr = FrameMap(self.factor_xy, offset_xy)
        to_own = to_lr.then(from_lr)
        in_source = annotated.bboxes
        moved = to_own.boxes(in_source)
        boxes = clip(moved, own_hw)
        areas = area(boxes)
        is_seen = areas > 0
        seen = InstanceData()
        seen.bboxes = boxes[is_seen]
        if "labels" in annotated:
            labels = annotated.labels
            seen.labels = labels[is_seen]
        # Whole masks of the image take memory, so that a slice makes those of its own objects.
        objects = self._with_masks_of(annotated, is_seen)
        in_lr = annotated_masks(objects, "lr", self.hw)
        if in_lr is not None:
            seen.masks_lr = _cut(in_lr, (x, y), lr_hw)
        in_source = annotated_masks(objects, "source")
        if in_source is not None:
            enlarged = resize_masks(in_source, self._enlarged(self.hw))
            seen.masks = _cut(enlarged, (left, top), own_hw)
        return seen

    def _with_masks_of(self, annotated: InstanceData, is_seen: Tensor) -> DetDataSample:
        """The sample of the image with the masks of some objects alone."""
        indices = is_seen.nonzero().flatten()
        numbers = indices.cpu().numpy()
        masks = {}
        for key in ("masks", "masks_lr"):
            if key in annotated:
                masks[key] = annotated.get(key)[numbers]
        sample = DetDataSample(metainfo=self.sample.metainfo)
        sample.gt_instances = InstanceData(**masks)
        return sample


def _cut(masks: Tensor, corner_xy: tuple[int, int], hw: tuple[int, int]) -> Tensor:
    """(N, h, w) what a window of an image shows of (N, H, W) masks."""
    x, y = corner_xy
    height, width = hw
    bottom = y + height
    right = x + width
    rows = masks[:, y:bottom]
    return rows[..., x:right]


def _factors(lr_to_source: FrameMap) -> tuple[int, int]:
    """Source pixels per LR pixel where these are whole numbers, else 1: LR pixels themselves."""
    try:
        return whole_factors(lr_to_source, "test_cfg.slices")
    except ValueError:
        return 1, 1
