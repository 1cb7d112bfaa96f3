"""What the detector sees of windows, and the way back to the frames that they are parts of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from mmengine.structures import InstanceData
from torch import Tensor
from torch.nn import functional as F

from mmisr.openmmlab.detections import no_instances, suppressed
from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.samples import source_hw
from mmisr.ops.boxes import area, clip
from mmisr.ops.resample import resize
from mmisr.ops.tokens import spread
from mmisr.pipeline.grouping import group_by_shape, picked
from mmisr.pipeline.handoff import DetectorBatch
from mmisr.pipeline.views import View
from mmisr.pipeline.windows.layout import Layout
from mmisr.pipeline.windows.pasting import pasted
from mmisr.pipeline.windows.settings import Overview
from mmisr.structures.frames import FrameMap, hw_of
from mmisr.structures.hints import ImageHints
from mmisr.structures.sr_result import RoutingMap, SRResult

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
    """

    lr: Tensor
    sample: DetDataSample
    routing: RoutingMap
    layout: Layout

    @property
    def to_source(self) -> FrameMap:
        """From the image's pixels to the frame of its annotations."""
        return FrameMap.between(hw_of(self.lr), source_hw(self.sample))

    def sheets(self) -> list[tuple[Tensor, ImageHints]]:
        """The sheets as the editor gets them, each with the exits of its tokens."""
        token = self.routing.token_size
        height, width = hw_of(self.lr)
        exits = spread(self.routing.exits, token)
        of_pixels = exits[0, :, :height, :width].to(self.lr)
        frame = torch.cat([self.lr, of_pixels])
        between = torch.cat([self.lr.mean((1, 2)), self.lr.new_zeros(1)])
        sheets = []
        for sheet in self.layout.cut(frame, between):
            image, exits_of = sheet[:3], sheet[3:]
            hints = ImageHints(lr_hw=hw_of(image), exits=deepest(exits_of, token))
            sheets.append((image, hints))
        return sheets


def deepest(exits: Tensor, token: int) -> Tensor:
    """(rows, cols) int64, for each token of a sheet the deepest exit of the pixels that it shows.

    Args:
        exits: (1, h, w) exits of the pixels.
        token: Side of a token in LR pixels.
    """
    pooled = F.max_pool2d(exits[None], token, ceil_mode=True)
    return pooled[0, 0].long()


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
        self.images = [result.image[0] for result in results]
        if overview is not None:
            for number, frame in enumerate(frames):
                self.sheets.append(SheetOf(number, None))
                self.images.append(enlarged(frame.lr, overview.factor))
        self.groups = group_by_shape(self.images)
        self.batches = [self._view(indices) for indices in self.groups]

    def _view(self, indices: Sequence[int]) -> View:
        samples = []
        for index in indices:
            frame = self.frames[self.sheets[index].image]
            metainfo = dict(frame.sample.metainfo)
            metainfo["source_shape"] = hw_of(self.images[index])
            samples.append(DetDataSample(metainfo=metainfo))
        return View(picked(self.images, indices), samples)

    def image(self, index: int) -> Tensor:
        """The whole SR image of an LR image: bicubic beyond what was super-resolved."""
        own = []
        for result, sheet in zip(self.results, self.sheets, strict=False):
            if sheet.image == index:
                own.append(result)
        frame = self.frames[index]
        return pasted(frame.lr, frame.layout, own, self.pair.editor.info.scale)

    def collect(
        self,
        predictions: Sequence[Sequence[DetDataSample]],
        seen: Sequence[DetectorBatch],
    ) -> list[DetDataSample]:
        """See :meth:`mmisr.pipeline.views.Views.collect`."""
        found: list[list[InstanceData]] = [[] for _ in self.frames]
        for indices, of_batch, batch in zip(self.groups, predictions, seen, strict=True):
            for place, index in enumerate(indices):
                from_detector = batch.source_to_det[place].inverse()
                instances = of_batch[place].pred_instances
                in_source = self._in_source(instances, from_detector, index)
                found[self.sheets[index].image].append(in_source)
        for number, views in enumerate(found):
            self._finish(number, views)
        return [frame.sample for frame in self.frames]

    def _finish(self, number: int, views: Sequence[InstanceData]) -> None:
        """Put what was found, and where it was looked for, on the sample of an image."""
        frame = self.frames[number]
        sample = frame.sample
        if views:
            sample.pred_instances = suppressed(views, self.pair.detector)
        else:
            sample.pred_instances = no_instances(frame.lr.device)
        searched = frame.to_source.boxes(torch.from_numpy(frame.layout.cores))
        sample.set_field(searched, "searched", field_type="metainfo")
        if self.pair.test_cfg.keep_sr:
            sample.set_field(frame.routing, "routing", field_type="metainfo")
            sample.set_field(self.image(number).cpu(), "sr")

    def _in_source(
        self, instances: InstanceData, from_detector: FrameMap, index: int
    ) -> InstanceData:
        """What the windows of a sheet, or the overview, own of what was found on it.

        Args:
            instances: What was found, in the detector's frame.
            from_detector: The map to the pixels of the image that was handed over.
            index: Of that image.
        """
        if "masks" in instances:
            raise ValueError(
                "the detector predicts masks, and test_cfg.windows cannot carry them back to the "
                "frame; use a box head, or no windows"
            )
        of = self.sheets[index]
        number, sheet = of.image, of.sheet
        frame = self.frames[number]
        lr_hw = hw_of(frame.lr) if sheet is None else frame.layout.sheets_hw[sheet]
        to_lr = from_detector.then(FrameMap.between(hw_of(self.images[index]), lr_hw))
        boxes = to_lr.boxes(instances.bboxes)
        is_owned = torch.ones_like(instances.scores, dtype=torch.bool)
        if sheet is not None:
            boxes, is_owned = frame.layout.to_frame(sheet, boxes)
        if self.overview is not None:
            is_large = area(boxes).sqrt() >= self.overview.min_side
            is_owned &= is_large if sheet is None else ~is_large
        owned = cast(InstanceData, instances[is_owned])
        in_source = frame.to_source.boxes(boxes[is_owned])
        owned.bboxes = clip(in_source, source_hw(frame.sample))
        return owned


def enlarged(lr: Tensor, factor: float) -> Tensor:
    """(3, h, w) to (3, factor * h, factor * w), bicubic, RGB in [0, 1]."""
    height, width = hw_of(lr)
    target = round(height * factor), round(width * factor)
    if target == (height, width):
        return lr
    return resize(lr[None], target, "bicubic")[0].clamp(0, 1)
