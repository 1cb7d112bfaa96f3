"""Sliced inference: a detector over overlapping slices of an image.

The ``sahi`` package cuts and merges them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmisr.openmmlab.detections import box_cap
from mmisr.openmmlab.detector import BaseDetector, DetDataSample
from mmisr.openmmlab.masks import predicts_masks
from mmisr.ops.boxes import clip
from mmisr.ops.masks import resize_masks
from mmisr.pipeline.handoff import Resize
from mmisr.structures.checks import check_fields, check_hw
from mmisr.structures.frames import FrameMap, hw_of

INSTALL = "pip install 'mmisr[sahi]'"
MERGES = {
    "NMS": "NMSPostprocess",
    "NMM": "NMMPostprocess",
    "GREEDYNMM": "GreedyNMMPostprocess",
    "LSNMS": "LSNMSPostprocess",
}
CHOOSING = ("NMS", "LSNMS")
"""Merges that keep some detections as they are; the others make new boxes, which have no mask."""


@dataclass(frozen=True)
class Slicing:
    """How an image is sliced and its boxes are merged.

    Source: Akyon et al., "Slicing Aided Hyper Inference and Fine-tuning for Small Object
    Detection", 2022; slicing and merging are those of the ``sahi`` package. Its own default,
    GREEDYNMM over IOS, grows boxes when low scores are kept, and AP needs low scores: there
    ``sahi`` itself turns to NMS over IOU, which is the default here.

    Args:
        slice_hw: Height and width of a slice in pixels of the image; None for ``per_axis``.
        per_axis: So many slices along each axis, where ``slice_hw`` is None.
        overlap: Share of a slice that the next one repeats.
        factor: Every slice is enlarged this many times before it is detected.
        merge: ``NMS``, ``NMM``, ``GREEDYNMM`` or ``LSNMS``.
        match: ``IOU`` or ``IOS`` (over the smaller area).
        threshold: Boxes of one class that overlap more are merged.
        whole: Whether the whole image is detected too, enlarged alike.

    Raises:
        ValueError: A value is out of its range.
    """

    slice_hw: tuple[int, int] | None = None
    per_axis: int = 2
    overlap: float = 0.2
    factor: float = 1.0
    merge: str = "NMS"
    match: str = "IOU"
    threshold: float = 0.5
    whole: bool = True

    def __post_init__(self) -> None:
        check_fields(self, "sliced")
        if self.slice_hw is not None:
            check_hw(self.slice_hw, "sliced.slice_hw")
        if self.per_axis < 1:
            raise ValueError(f"sliced.per_axis must be at least 1, got {self.per_axis}")
        if not 0 <= self.overlap < 1 or not self.factor > 0 or not 0 < self.threshold <= 1:
            raise ValueError(
                "sliced needs 0 <= overlap < 1, factor > 0 and 0 < threshold <= 1, "
                f"got {self.overlap}, {self.factor} and {self.threshold}"
            )
        if self.merge not in MERGES or self.match not in ("IOU", "IOS"):
            raise ValueError(
                f"sliced.merge must be one of {sorted(MERGES)} and match IOU or IOS, got "
                f"{self.merge!r}, {self.match!r}"
            )

    def boxes(self, hw: tuple[int, int]) -> list[tuple[int, int, int, int]]:
        """Slices of an image of ``hw``: (x1, y1, x2, y2) in pixels.

        The whole image last, where asked.
        """
        from sahi.slicing import get_slice_bboxes

        # n slices of a side s that overlap by a share o reach over s * (n - (n - 1) * o) pixels.
        reach = self.per_axis - (self.per_axis - 1) * self.overlap
        h, w = self.slice_hw or (int(np.ceil(side / reach)) for side in hw)
        cut = get_slice_bboxes(
            *hw,
            slice_height=min(int(h), hw[0]),
            slice_width=min(int(w), hw[1]),
            auto_slice_resolution=False,
            overlap_height_ratio=self.overlap,
            overlap_width_ratio=self.overlap,
        )
        slices = [(int(x1), int(y1), int(x2), int(y2)) for x1, y1, x2, y2 in cut]
        whole = (0, 0, hw[1], hw[0])
        if self.whole and whole not in slices:
            slices.append(whole)
        return slices


class PassOn(nn.Module):
    """Stands for a detector's data preprocessor, and leaves the pixels to each slice's own."""

    def forward(self, data: dict, training: bool = False) -> dict:
        """Nothing changes."""
        return data


class SlicedDetector(BaseDetector):
    """A detector that looks at slices, for testing alone.

    It stands in the pair where the detector does.

    Convention: inputs are (3, h, w) BGR in [0, 255], before the detector's own preprocessor, which
    every slice goes through. Boxes come back in the frame of the whole image, and masks in its
    pixels: what their slice shows of them.

    Args:
        detector: The detector that sees the slices.
        slicing: How images are sliced and boxes merged.

    Raises:
        ImportError: The ``sahi`` package is not installed.
        ValueError: The detector predicts masks, and slices are merged by making new boxes.
    """

    def __init__(self, detector: BaseDetector, slicing: Slicing) -> None:
        super().__init__()
        _need_sahi()
        if predicts_masks(detector) and slicing.merge not in CHOOSING:
            raise ValueError(
                f"sliced.merge must be one of {CHOOSING} for a detector that predicts masks, got "
                f"{slicing.merge!r}, which makes new boxes of several: these have no mask"
            )
        self.detector = detector
        self.slicing = slicing
        self.data_preprocessor = PassOn()

    def predict(
        self, batch_inputs: Sequence[Tensor], batch_data_samples: list[DetDataSample]
    ) -> list[DetDataSample]:
        """Detect in every slice and merge."""
        for image, sample in zip(batch_inputs, batch_data_samples, strict=True):
            sample.pred_instances = self._detect(image)
        return batch_data_samples

    def _detect(self, image: Tensor) -> InstanceData:
        resize = Resize(factor=self.slicing.factor)
        height, width = hw_of(image)
        by_slice = []
        masks = []
        for x1, y1, x2, y2 in self.slicing.boxes((height, width)):
            cut = image[:, y1:y2, x1:x2]
            resized = resize(cut)
            instances = self._detect_slice(resized)
            to_cut = FrameMap.between(hw_of(resized), hw_of(cut))
            to_image = to_cut.then(FrameMap(offset_xy=(x1, y1)))
            # sahi takes no box that leaves the image.
            boxes = clip(to_image.boxes(instances.bboxes), (height, width))
            by_slice.append((boxes, instances.scores, instances.labels))
            if "masks" in instances:
                on_cut = resize_masks(instances.masks, hw_of(cut))
                masks += [SliceMask(mask, x1, y1) for mask in on_cut]
        cap = box_cap(self.detector)
        found = merged(by_slice, (height, width), self.slicing, cap)
        numbers = found.pop("numbers")
        if predicts_masks(self.detector):
            chosen = [masks[number] for number in numbers.tolist()]
            found.masks = _pasted(chosen, (height, width), image.device)
        return found

    def _detect_slice(self, image: Tensor) -> InstanceData:
        """Boxes, scores and labels in the frame of one (3, h, w) slice."""
        hw = hw_of(image)
        sizes = {"ori_shape": hw, "img_shape": hw, "scale_factor": (1.0, 1.0)}
        sample = DetDataSample(metainfo=sizes)
        data = {"inputs": [image], "data_samples": [sample]}
        data = self.detector.data_preprocessor(data, False)
        predictions = self.detector.predict(data["inputs"], data["data_samples"])
        return predictions[0].pred_instances

    def loss(self, batch_inputs: Any, batch_data_samples: Any) -> dict:
        """Not for training."""
        raise NotImplementedError("sliced inference is for testing: train the detector itself")

    def extract_feat(self, batch_inputs: Any) -> Any:
        """There are no features of the whole image."""
        raise NotImplementedError(
            "sliced inference has no features of the whole image: use the detector itself"
        )

    def _forward(self, batch_inputs: Any, batch_data_samples: Any = None) -> Any:
        raise NotImplementedError(
            "sliced inference has no raw forward pass: use the detector itself"
        )


@dataclass(frozen=True)
class SliceMask:
    """A mask that was found in a slice.

    Args:
        pixels: (h, w) bool, pixels of the slice.
        x: First column of the slice in the image.
        y: First row of the slice.
    """

    pixels: Tensor
    x: int
    y: int


def _pasted(masks: Sequence[SliceMask], hw: tuple[int, int], device: torch.device) -> Tensor:
    """(N, H, W) bool, N masks where they lie in an image of this height and width."""
    images = torch.zeros(len(masks), *hw, dtype=torch.bool, device=device)
    for mask, image in zip(masks, images, strict=True):
        height, width = mask.pixels.shape
        rows = slice(mask.y, mask.y + height)
        cols = slice(mask.x, mask.x + width)
        image[rows, cols] = mask.pixels
    return images


def merged(
    by_slice: Sequence[tuple[Tensor, Tensor, Tensor]],
    hw: tuple[int, int],
    slicing: Slicing,
    cap: int | None,
) -> InstanceData:
    """Merge the boxes of all slices with ``sahi``'s postprocessing.

    Args:
        by_slice: (N, 4) boxes in the frame of the image, (N,) scores and (N,) labels of each slice.
        hw: Height and width of the image.
        slicing: How images are sliced and boxes merged.
        cap: Boxes that an image may have, best scores first; None for any number.

    Returns:
        ``bboxes``, ``scores`` and ``labels``, best scores first; and ``numbers``, which of the
        detections of all slices, counted from 0, each was made of: the best of several.
    """
    import sahi.postprocess.combine as combine

    all_boxes, all_scores, all_labels = zip(*by_slice, strict=True)
    boxes = torch.cat(all_boxes)
    scores = torch.cat(all_scores)
    labels = torch.cat(all_labels)
    predictions = _sahis(boxes, scores, labels, hw)
    merge = getattr(combine, MERGES[slicing.merge])(
        match_threshold=slicing.threshold,
        match_metric=slicing.match,
        class_agnostic=False,
    )
    if predictions:
        predictions = sorted(merge(predictions), key=lambda p: -p.score.value)
    predictions = predictions[:cap]
    corners = [p.bbox.to_xyxy() for p in predictions]
    xyxy = boxes.new_tensor(corners)
    best_scores = [p.score.value for p in predictions]
    numbers = [int(p.category.name) for p in predictions]
    return InstanceData(
        bboxes=xyxy.reshape(-1, 4),
        scores=boxes.new_tensor(best_scores),
        labels=labels.new_tensor([p.category.id for p in predictions]),
        numbers=labels.new_tensor(numbers),
    )


def _sahis(boxes: Tensor, scores: Tensor, labels: Tensor, hw: tuple[int, int]) -> list[Any]:
    """The boxes that have an area, as ``sahi`` has them.

    The name of their category, which no merge looks at, is their number.
    """
    from sahi.prediction import ObjectPrediction

    predictions = []
    columns = zip(boxes.tolist(), scores.tolist(), labels.tolist(), strict=True)
    for number, row in enumerate(columns):
        box, score, label = row
        x1, y1, x2, y2 = box
        if x2 <= x1 or y2 <= y1:
            continue
        prediction = ObjectPrediction(
            bbox=box,
            score=score,
            category_id=label,
            category_name=str(number),
            full_shape=list(hw),
        )
        predictions.append(prediction)
    return predictions


def _need_sahi() -> None:
    try:
        import sahi  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"sliced inference needs the sahi package, which is not installed: {INSTALL}"
        ) from error
