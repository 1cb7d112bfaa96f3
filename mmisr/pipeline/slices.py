"""Slices: the pair sees a large image piece by piece, and what the pieces found is made one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Any, cast

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from mmisr.openmmlab.detections import box_cap, merge_rule, merged
from mmisr.openmmlab.detector import BaseDetector, DetDataSample
from mmisr.openmmlab.masks import predicts_masks
from mmisr.openmmlab.samples import source_hw
from mmisr.ops.grid import Grid
from mmisr.ops.merging import owned
from mmisr.ops.placed_masks import placed
from mmisr.pipeline.found_masks import whole_factors
from mmisr.pipeline.sahi_merge import CHOOSING, SahiMerge, merged_by_sahi
from mmisr.pipeline.slice_samples import SliceSamples
from mmisr.structures.checks import check_fields, check_hw, keep_integers
from mmisr.structures.frames import FrameMap, hw_of

if TYPE_CHECKING:
    from mmisr.pipeline.sr_detector import SRDetector

RULES = ("centres", "nms")


@dataclass(frozen=True)
class Slices:
    """How an image is cut into slices, and what they found is merged.

    Args:
        slice_hw: Height and width of a slice in LR pixels; None for ``per_axis``.
        per_axis: So many slices along each axis, where ``slice_hw`` is None.
        overlap: Share of a slice that the next one repeats.
        merge: ``centres``: a detection counts in the slice whose core holds its centre (see
            :class:`mmisr.ops.grid.Grid`), then the detector's own suppression and cap apply to the
            whole image, as for windows. ``nms``: these alone. A dict: arguments of
            :class:`mmisr.pipeline.sahi_merge.SahiMerge`.
        whole: Whether the whole image is searched too, at once.
        batch: Slices that the pair sees at once.
        unit: Pixels of the image that count as one LR pixel: the scale, where HR is fed for LR.

    Raises:
        ValueError: A value is out of its range.
    """

    slice_hw: tuple[int, int] | None = None
    per_axis: int = 2
    overlap: float = 0.2
    merge: str | dict[str, Any] = "centres"
    whole: bool = False
    batch: int = 4
    unit: int = 1

    def __post_init__(self) -> None:
        check_fields(self, "test_cfg.slices")
        if self.slice_hw is not None:
            hw = check_hw(self.slice_hw, "test_cfg.slices.slice_hw")
            object.__setattr__(self, "slice_hw", hw)
        keep_integers(self, "per_axis", "batch", "unit")
        if min(self.per_axis, self.batch, self.unit) < 1:
            raise ValueError(
                "test_cfg.slices needs per_axis >= 1, batch >= 1 and unit >= 1, got "
                f"{self.per_axis}, {self.batch} and {self.unit}"
            )
        if not 0 <= self.overlap < 1:
            raise ValueError(f"test_cfg.slices needs 0 <= overlap < 1, got {self.overlap}")
        if isinstance(self.merge, str) and self.merge not in RULES:
            raise ValueError(
                f"test_cfg.slices.merge must be one of {RULES}, or dict(sahi=...) with one of "
                f"sahi's, got {self.merge!r}"
            )
        if isinstance(self.merge, dict) and "sahi" not in self.merge:
            raise ValueError(
                "test_cfg.slices.merge as a dict must name one of sahi's rules, "
                f"dict(sahi='NMS', ...), got {self.merge!r}: add `sahi`, or use one of {RULES}"
            )

    def grid(self, hw: tuple[int, int]) -> Grid:
        """The slices of an image of this height and width, in its pixels."""
        height, width = self.slice_hw or self._equal_slices(hw)
        rows = int(height * self.overlap)
        cols = int(width * self.overlap)
        unit = self.unit
        size_hw = height * unit, width * unit
        overlap_hw = rows * unit, cols * unit
        return Grid(hw, size_hw, overlap_hw)

    def _equal_slices(self, hw: tuple[int, int]) -> tuple[int, int]:
        # n slices of a side s that overlap by a share o reach over s * (n - (n - 1) * o) pixels.
        shared = (self.per_axis - 1) * self.overlap
        reach = (self.per_axis - shared) * self.unit
        height, width = hw
        return ceil(height / reach), ceil(width / reach)


@dataclass(frozen=True)
class Slice:
    """A piece of an LR image, which the pair sees as it would see an image.

    Args:
        lr: (3, h, w) RGB in [0, 1].
        sample: Its own.
        corner_xy: Its first column and row in the LR image.
        factor_xy: Pixels of its source frame per LR pixel, along x and y.
        core: (4,) what it answers for, in LR pixels of the image.
    """

    lr: Tensor
    sample: DetDataSample
    corner_xy: tuple[int, int]
    factor_xy: tuple[int, int]
    core: Tensor

    @property
    def window(self) -> Tensor:
        """(4,) xyxy, what it shows, in LR pixels of the image."""
        x, y = self.corner_xy
        height, width = hw_of(self.lr)
        return torch.tensor([x, y, x + width, y + height])

    @property
    def to_lr(self) -> FrameMap:
        """From its source frame to the LR pixels of the image."""
        x_factor, y_factor = self.factor_xy
        return FrameMap((1 / x_factor, 1 / y_factor), self.corner_xy)


class Slicer:
    """Runs a pair on slices and merges what they found.

    A look before SR (``test_cfg.prior``) is at each slice too: the objects have the sizes that the
    detector is used to, and what is found there is in the frame of the slice.

    Memory grows with a few slices and with the objects, not with the image: slices are cut, super-
    resolved, searched and dropped ``batch`` at a time, and masks are kept as the pixels around
    their objects.

    Args:
        slices: How images are cut, and slices merged.
        detector: The pair's.

    Raises:
        ValueError: The detector predicts masks, and slices are merged by making new boxes.
        ImportError: sahi's rules are asked for, and it is not installed.
    """

    def __init__(self, slices: Slices, detector: BaseDetector) -> None:
        self.slices = slices
        self.by_sahi: SahiMerge | None = None
        if isinstance(slices.merge, dict):
            self.by_sahi = SahiMerge(**slices.merge)
        makes_boxes = self.by_sahi is not None and self.by_sahi.makes_boxes
        if makes_boxes and predicts_masks(detector):
            raise ValueError(
                f"test_cfg.slices.merge: sahi must be one of {CHOOSING} for a detector that "
                f"predicts masks, got {slices.merge!r}, which makes new boxes of several: these "
                "have no mask"
            )

    def predict(
        self, pair: SRDetector, lr: Sequence[Tensor], samples: Sequence[DetDataSample]
    ) -> list[DetDataSample]:
        """Detect in every slice of every image, and merge.

        Args:
            pair: The pair, in evaluation.
            lr: (3, h_i, w_i) RGB in [0, 1].
            samples: One sample per image; they get ``pred_instances``, boxes in the source frame.
        """
        with pair.timer.together():
            for image, sample in zip(lr, samples, strict=True):
                self._predict_image(pair, image, sample)
        return list(samples)

    def portions(self, image: Tensor, sample: DetDataSample) -> Iterator[list[Slice]]:
        """The slices of an image that are seen at once, one portion after the other.

        Args:
            image: (3, h, w) RGB in [0, 1].
            sample: Its sample.
        """
        slices = self._cut(image, sample)
        while portion := list(islice(slices, self.slices.batch)):
            yield portion

    def inputs(
        self, image: Tensor, sample: DetDataSample
    ) -> Iterator[tuple[list[Tensor], list[DetDataSample]]]:
        """The same as a pair gets them: images and samples.

        Args:
            image: (3, h, w) RGB in [0, 1].
            sample: Its sample.
        """
        for portion in self.portions(image, sample):
            yield _inputs_of(portion)

    def _cut(self, image: Tensor, sample: DetDataSample) -> Iterator[Slice]:
        hw = hw_of(image)
        samples = SliceSamples(sample, hw)
        for window, core in self._places(hw):
            x1, y1, x2, y2 = window
            yield Slice(
                lr=image[:, y1:y2, x1:x2],
                sample=samples.of(window),
                corner_xy=(x1, y1),
                factor_xy=samples.factor_xy,
                core=torch.tensor(core),
            )

    def _places(self, hw: tuple[int, int]) -> Iterator[tuple[list[int], list[int]]]:
        """What each slice of an image shows, and what it answers for."""
        height, width = hw
        whole = [0, 0, width, height]
        grid = self.slices.grid(hw)
        in_pixels = grid.windows()
        windows = in_pixels.tolist()
        in_cores = grid.cores()
        cores = in_cores.tolist()
        if self.slices.whole and whole not in windows:
            windows.append(whole)
            cores.append(whole)
        if self.slices.merge != "centres":
            cores = [whole] * len(windows)
        return zip(windows, cores, strict=True)

    def _predict_image(self, pair: SRDetector, image: Tensor, sample: DetDataSample) -> None:
        hw = hw_of(image)
        frame_hw = source_hw(sample)
        to_source = FrameMap.between(hw, frame_hw)
        keep_sr = pair.test_cfg.keep_sr
        views = []
        mosaic = Mosaic(hw)
        for portion in self.portions(image, sample):
            predicted = pair.predict_at_once(*_inputs_of(portion))
            for part, found in zip(portion, predicted, strict=True):
                instances = found.pred_instances
                view = _in_image(part, instances, to_source, hw)
                views.append(view)
                if keep_sr:
                    mosaic.add(part, found.sr)
        sample.pred_instances = self._merged(views, frame_hw, pair.detector)
        if keep_sr:
            sample.set_field(mosaic.image, "sr")

    def _merged(
        self, views: Sequence[InstanceData], hw: tuple[int, int], detector: BaseDetector
    ) -> InstanceData:
        if self.by_sahi is not None:
            return merged_by_sahi(views, hw, self.by_sahi, box_cap(detector))
        return merged(views, merge_rule(detector))


def _inputs_of(portion: Sequence[Slice]) -> tuple[list[Tensor], list[DetDataSample]]:
    images = [part.lr for part in portion]
    samples = [part.sample for part in portion]
    return images, samples


class Mosaic:
    """The SR image of a sliced image, on the CPU: of every slice what it answers for.

    Args:
        lr_hw: Height and width of the image in LR pixels.
    """

    def __init__(self, lr_hw: tuple[int, int]) -> None:
        self.lr_hw = lr_hw
        self.image = torch.empty(0)

    def add(self, part: Slice, sr: Tensor) -> None:
        """Write one slice.

        Args:
            part: The slice.
            sr: (3, s*h, s*w) what became of it.
        """
        _, width = hw_of(part.lr)
        _, sr_width = hw_of(sr)
        scale = sr_width // width
        if not len(self.image):
            rows, cols = self.lr_hw
            self.image = sr.new_zeros(3, rows * scale, cols * scale)
        window = part.window
        # Where slices answer for more than they show, the last one is seen.
        begin, end = window.split(2)
        core_begin, core_end = part.core.split(2)
        first = core_begin.maximum(begin)
        last = core_end.minimum(end)
        in_image = torch.cat([first, last])
        corner = begin.repeat(2)
        in_slice = in_image - corner
        target = _pixels(in_image, scale)
        shown = _pixels(in_slice, scale)
        self.image[target] = sr[shown]


def _pixels(xyxy: Tensor, scale: int) -> tuple[slice, ...]:
    """What a box in LR pixels holds of an image (3, s*h, s*w)."""
    x1, y1, x2, y2 = (xyxy * scale).tolist()
    return slice(None), slice(y1, y2), slice(x1, x2)


def _in_image(
    part: Slice, found: InstanceData, to_source: FrameMap, lr_hw: tuple[int, int]
) -> InstanceData:
    """What a slice owns of what was found on it, in the source frame of the image.

    Args:
        part: The slice.
        found: In its own source frame.
        to_source: From LR pixels of the image to its source frame.
        lr_hw: Height and width of the image in LR pixels.
    """
    in_lr = part.to_lr.boxes(found.bboxes)
    own = cast(InstanceData, found[owned(in_lr, part.core, lr_hw)])
    in_source = part.to_lr.then(to_source)
    own.bboxes = in_source.boxes(own.bboxes)
    if "masks" in own:
        x_factor, y_factor = whole_factors(to_source, "test_cfg.slices")
        x, y = part.corner_xy
        corner_xy = x * x_factor, y * y_factor
        own.masks = placed(own.masks, corner_xy)
    return own
