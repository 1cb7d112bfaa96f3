"""Detections of slices merged by the rules of the ``sahi`` package, which some grow boxes by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.structures import InstanceData
from torch import Tensor

from mmisr.structures.checks import check_fields

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
class SahiMerge:
    """One of sahi's ways to merge, within each class.

    Source: Akyon et al., "Slicing Aided Hyper Inference and Fine-tuning for Small Object
    Detection", 2022. sahi's own default is GREEDYNMM over IOS, which grows boxes when low scores
    are kept; AP needs low scores, and there ``sahi`` itself turns to NMS over IOU.

    Args:
        sahi: ``NMS``, ``NMM``, ``GREEDYNMM`` or ``LSNMS``.
        match: ``IOU`` or ``IOS`` (over the smaller area).
        threshold: Boxes of one class that overlap more are merged.

    Raises:
        ValueError: A value is unknown or out of its range.
        ImportError: The ``sahi`` package is not installed.
    """

    sahi: str
    match: str = "IOU"
    threshold: float = 0.5

    def __post_init__(self) -> None:
        check_fields(self, "test_cfg.slices.merge")
        if self.sahi not in MERGES or self.match not in ("IOU", "IOS"):
            raise ValueError(
                f"test_cfg.slices.merge: sahi must be one of {sorted(MERGES)} and match IOU or "
                f"IOS, got {self.sahi!r}, {self.match!r}"
            )
        if not 0 < self.threshold <= 1:
            raise ValueError(
                f"test_cfg.slices.merge needs 0 < threshold <= 1, got {self.threshold}"
            )
        try:
            import sahi  # noqa: F401
        except ImportError as error:
            raise ImportError(
                f"test_cfg.slices.merge={{'sahi': {self.sahi!r}}} needs the sahi package, which is "
                f"not installed: {INSTALL}"
            ) from error

    @property
    def makes_boxes(self) -> bool:
        """Whether several detections become a new one."""
        return self.sahi not in CHOOSING


def merged_by_sahi(
    views: Sequence[InstanceData], hw: tuple[int, int], rule: SahiMerge, cap: int | None
) -> InstanceData:
    """All detections of an image, merged by sahi.

    Args:
        views: Detections in one frame; ``bboxes``, ``scores``, ``labels`` and what else they have.
        hw: Height and width of that frame.
        rule: Which of sahi's.
        cap: Boxes that an image may have, best scores first; None for any number.

    Returns:
        What is left, best scores first; boxes made of several have all else of the best of them.
    """
    import sahi.postprocess.combine as combine

    together = InstanceData.cat(list(views))
    boxes = together.bboxes
    predictions = _sahis(boxes, together.scores, together.labels, hw)
    merge = getattr(combine, MERGES[rule.sahi])(
        match_threshold=rule.threshold,
        match_metric=rule.match,
        class_agnostic=False,
    )
    if predictions:
        predictions = sorted(merge(predictions), key=lambda p: -p.score.value)
    predictions = predictions[:cap]
    numbers = together.labels.new_tensor([int(p.category.name) for p in predictions])
    found: InstanceData = together[numbers]
    corners = boxes.new_tensor([p.bbox.to_xyxy() for p in predictions])
    found.bboxes = corners.reshape(-1, 4)
    found.scores = boxes.new_tensor([p.score.value for p in predictions])
    return found


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
