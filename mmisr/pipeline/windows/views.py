"""What the detector sees of windows, and the way back to the frames that they are parts of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import torch
from mmengine.structures import InstanceData
from torch import Tensor
from torch.nn import functional as F

from mmisr.openmmlab.detections import merge_rule, merged, no_instances
from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.editor import SREditor
from mmisr.openmmlab.samples import source_hw
from mmisr.ops.boxes import area, clip
from mmisr.ops.masks import AT_ONCE, resize_masks
from mmisr.ops.placed_masks import PlacedMask, placed
from mmisr.ops.tokens import spread
from mmisr.pipeline.found_masks import whole_factors
from mmisr.pipeline.grouping import group_by_shape, picked
from mmisr.pipeline.handoff import DetectorBatch
from mmisr.pipeline.views import View
from mmisr.pipeline.windows.known import hints_on_sheets
from mmisr.pipeline.windows.layout import Layout
from mmisr.pipeline.windows.pasting import bicubic, pasted
from mmisr.pipeline.windows.settings import Overview
from mmisr.structures.frames import FrameMap, hw_of
from mmisr.structures.hints import ImageHints
from mmisr.structures.sr_result import RoutingMap, SRResult, images_of

if TYPE_CHECKING:
    from mmisr.pipeline.sr_detector import SRDetector


@dataclass(frozen=True)
class SheetOf:
    """Which sheet an image of the detector is.

    Args:
        image: Number of the LR image.
        sheet: Number of the sheet in its layout; None for the overview.
    """

    image: int
    sheet: int | None


@dataclass(frozen=True)
class Searched:
    """One image, and what is searched of it.

    Args:
        lr: (3, h, w) RGB in [0, 1].
        sample: Its sample.
        routing: Exits of its tokens, as a batch of one.
        layout: Its windows.
        known: What is known of the image beside its pixels.
        keep_exits: Whether the sheets' tokens leave by these exits; else the editor chooses anew.
    """

    lr: Tensor
    sample: DetDataSample
    routing: RoutingMap
    layout: Layout
    known: ImageHints
    keep_exits: bool = True

    @property
    def to_source(self) -> FrameMap:
        """From the image's pixels to the frame of its annotations."""
        lr_hw = hw_of(self.lr)
        in_source = source_hw(self.sample)
        return FrameMap.between(lr_hw, in_source)

    def lr_hw(self, sheet: int | None) -> tuple[int, int]:
        """Height and width in LR pixels of a sheet; None for the image itself.

        Args:
            sheet: Its number in the layout.
        """
        if sheet is None:
            return hw_of(self.lr)
        return self.layout.sheets_hw[sheet]

    def sheets(self, editor: SREditor) -> list[tuple[Tensor, ImageHints]]:
        """The sheets as the editor gets them, with what is known of the objects that they show.

        The exits of their tokens are there where these stay.

        Args:
            editor: The editor.
        """
        hints = hints_on_sheets(self.known, self.layout, editor)
        exits_of_pixels = self._exits_of_pixels()
        both = [self.lr, exits_of_pixels]
        frame = torch.cat(both)
        colour = self.lr.mean((1, 2))
        easy = self.lr.new_zeros(1)
        token = self.routing.token_size
        between = torch.cat([colour, easy])
        sheets = []
        cut = self.layout.cut(frame, between)
        for number, sheet in enumerate(cut):
            image = sheet[:3]
            exits = sheet[3:]
            known = hints[number]
            if self.keep_exits:
                of_tokens = deepest(exits, token)
                known = replace(known, exits=of_tokens)
            shown = image, known
            sheets.append(shown)
        return sheets

    def _exits_of_pixels(self) -> Tensor:
        """(1, h, w) beside the image."""
        height, width = hw_of(self.lr)
        exits = spread(self.routing.exits, self.routing.token_size)
        inside = exits[0, :, :height, :width]
        return inside.to(self.lr)


def deepest(exits: Tensor, token: int) -> Tensor:
    """(rows, cols) int64, for each token of a sheet the deepest exit of the pixels that it shows.

    Args:
        exits: (1, h, w) exits of the pixels.
        token: Side of a token in LR pixels.
    """
    batch = exits[None]
    pooled = F.max_pool2d(batch, token, ceil_mode=True)
    of_image = pooled[0, 0]
    return of_image.long()


class WindowViews:
    """The super-resolved sheets of all images, and their overviews; those of one shape together.

    Args:
        pair: The pair.
        frames: The images.
        sheets: Which sheet each result is of.
        results: One per sheet.
        overview: How large objects are looked for; None for not at all.
    """

    def __init__(
        self,
        pair: SRDetector,
        frames: Sequence[Searched],
        sheets: Sequence[SheetOf],
        results: Sequence[SRResult],
        overview: Overview | None,
    ) -> None:
        self.pair = pair
        self.frames = frames
        self.results = results
        self.overview = overview
        self.sheets = list(sheets)
        self.images = images_of(results)
        if overview is not None:
            factor = overview.factor
            for number, frame in enumerate(frames):
                image = enlarged(frame.lr, factor)
                sheet = SheetOf(number, None)
                self.images.append(image)
                self.sheets.append(sheet)
        self.groups = group_by_shape(self.images)
        self.batches = [self._view(indices) for indices in self.groups]

    def _view(self, indices: Sequence[int]) -> View:
        samples = []
        for index in indices:
            sheet = self.sheets[index]
            frame = self.frames[sheet.image]
            known = frame.sample.metainfo
            source_shape = hw_of(self.images[index])
            sample = DetDataSample(metainfo={**known, "source_shape": source_shape})
            samples.append(sample)
        images = picked(self.images, indices)
        return View(images, samples)

    def image(self, index: int) -> Tensor:
        """The whole SR image of an LR image: bicubic beyond what was super-resolved."""
        own = []
        # The sheets of the overviews come last: they have no result.
        super_resolved = zip(self.results, self.sheets, strict=False)
        for result, sheet in super_resolved:
            if sheet.image == index:
                own.append(result)
        editor = self.pair.editor
        scale = editor.info.scale
        frame = self.frames[index]
        layout = frame.layout
        return pasted(frame.lr, layout, own, scale)

    def collect(
        self,
        predictions: Sequence[Sequence[DetDataSample]],
        seen: Sequence[DetectorBatch],
    ) -> list[DetDataSample]:
        """See :meth:`mmisr.pipeline.views.Views.collect`."""
        found: list[list[InstanceData]] = [[] for _ in self.frames]
        batches = zip(self.groups, predictions, seen, strict=True)
        for indices, of_batch, batch in batches:
            maps = batch.source_to_det
            for index, prediction, to_det in zip(indices, of_batch, maps, strict=True):
                instances = prediction.pred_instances
                from_detector = to_det.inverse()
                in_source = self._in_source(instances, from_detector, index)
                sheet = self.sheets[index]
                found[sheet.image].append(in_source)
        for number, views in enumerate(found):
            self._finish(number, views)
        return [frame.sample for frame in self.frames]

    def _finish(self, number: int, views: Sequence[InstanceData]) -> None:
        """Put what was found, and where it was looked for, on the sample of an image."""
        frame = self.frames[number]
        sample = frame.sample
        pair = self.pair
        found = no_instances(frame.lr.device)
        if views:
            rule = merge_rule(pair.detector)
            found = merged(views, rule)
        sample.pred_instances = found
        cores = torch.from_numpy(frame.layout.cores)
        searched = frame.to_source.boxes(cores)
        sample.set_field(searched, "searched", field_type="metainfo")
        if pair.test_cfg.keep_sr:
            image = self.image(number)
            sample.set_field(image.cpu(), "sr")
            sample.set_field(frame.routing, "routing", field_type="metainfo")

    def _in_source(
        self, instances: InstanceData, from_detector: FrameMap, index: int
    ) -> InstanceData:
        """What the windows of a sheet, or the overview, own of what was found on it.

        Args:
            instances: What was found, in the detector's frame.
            from_detector: The map to the pixels of the image that was handed over.
            index: Of that image.
        """
        sheet = self.sheets[index]
        frame = self.frames[sheet.image]
        handed_over = hw_of(self.images[index])
        lr_hw = frame.lr_hw(sheet.sheet)
        image_to_lr = FrameMap.between(handed_over, lr_hw)
        to_lr = from_detector.then(image_to_lr)
        on_sheet = to_lr.boxes(instances.bboxes)
        boxes, is_owned = self._owned(on_sheet, sheet)
        owned = cast(InstanceData, instances[is_owned])
        in_source = frame.to_source.boxes(boxes[is_owned])
        owned.bboxes = clip(in_source, source_hw(frame.sample))
        if "masks" in owned:
            places = on_sheet[is_owned]
            owned.masks = self._masks_in_source(owned.masks, places, sheet)
        return owned

    def _masks_in_source(self, masks: Tensor, xyxy: Tensor, sheet: SheetOf) -> list[PlacedMask]:
        """Masks that were found on a sheet, in pixels of the source frame.

        Args:
            masks: (N, ., .) bool, pixels of the image that the detector saw.
            xyxy: (N, 4) their boxes, in LR pixels of the sheet.
            sheet: What they were found on.
        """
        frame = self.frames[sheet.image]
        layout = frame.layout
        number = sheet.sheet
        if number is None or layout.is_whole:
            sample = frame.sample
            hw = source_hw(sample)
            return placed(masks, size_hw=hw)
        to_source = frame.to_source
        factor_xy = whole_factors(to_source, "test_cfg.windows")
        x_factor, y_factor = factor_xy
        height, width = frame.lr_hw(number)
        rows = height * y_factor
        cols = width * x_factor
        in_source: list[PlacedMask] = []
        # A few at a time: enlarged sheets may be as large as the image.
        masks_by_few = masks.split(AT_ONCE)
        boxes_by_few = xyxy.split(AT_ONCE)
        for few, boxes in zip(masks_by_few, boxes_by_few, strict=True):
            # (n, rows, cols) bool of the enlarged sheet.
            on_sheet = resize_masks(few, (rows, cols))
            in_frame = layout.masks_to_frame(number, boxes, on_sheet, factor_xy)
            in_source.extend(in_frame)
        return in_source

    def _owned(self, xyxy: Tensor, sheet: SheetOf) -> tuple[Tensor, Tensor]:
        """Boxes in LR pixels of the frame, and whether the sheet answers for each.

        Args:
            xyxy: (N, 4) boxes in LR pixels of the sheet.
            sheet: What they were found on.
        """
        if sheet.sheet is None:
            return xyxy, self._is_large(xyxy)
        layout = self.frames[sheet.image].layout
        boxes, is_owned = layout.to_frame(sheet.sheet, xyxy)
        return boxes, is_owned & ~self._is_large(boxes)

    def _is_large(self, xyxy: Tensor) -> Tensor:
        """(N,) whether boxes are the overview's; none is where there is no overview."""
        if self.overview is None:
            return torch.zeros_like(xyxy[:, 0], dtype=torch.bool)
        sides = area(xyxy).sqrt()
        return sides >= self.overview.min_side


def enlarged(lr: Tensor, factor: float) -> Tensor:
    """(3, h, w) to (3, factor * h, factor * w), bicubic, RGB in [0, 1]."""
    height, width = hw_of(lr)
    target_hw = round(height * factor), round(width * factor)
    if target_hw == (height, width):
        return lr
    return bicubic(lr, target_hw)
