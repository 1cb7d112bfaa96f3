"""Metric ``ObjectRecall``: how many objects lie where the pair searches, and how much that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from mmisr.evaluation.functional.ignore_rules import counted
from mmisr.evaluation.functional.image_record import AreaSource, BinFrame, image_record
from mmisr.evaluation.functional.object_recall import (
    NONE,
    ReachCount,
    ReachCounts,
    count_reached,
    image_reach,
    total_reached,
)
from mmisr.evaluation.functional.tables import Cell, render_table
from mmisr.evaluation.size_bins import protocol_named
from mmisr.registry import METRICS

AREA = "searched_area"


@METRICS.register_module()
class ObjectRecall(BaseMetric):
    """Share of the annotated objects whose centre is searched, by size, and of the area.

    Reads samples of a pair that searches in windows (``searched``; the model has
    ``test_cfg=dict(windows=...)``) or whose editor routes tokens (``routing``; the model needs
    ``test_cfg=dict(keep_sr=True)``): there the tokens that leave later than by the first exit are
    what is searched. What an overview of the whole image finds beside the windows does not count.

    Figures: ``all`` and ``<bin>``, the share of the objects of that size; ``searched_area``, the
    share of the frame, mean over the images. A bin without objects is NaN.

    Convention: objects are counted as :class:`mmisr.SizeBinnedCocoMetric` counts them: both ends of
    a bin belong to it, crowds and other regions to ignore do not count.

    Args:
        protocol: A name of :data:`mmisr.evaluation.size_bins.PROTOCOLS`; gives the bins and what
            does not count.
        frame: Where sizes are measured: ``lr`` (what the sensor saw) or ``source``.
        area_source: Size of an annotation: ``box`` takes the box's area in the frame,
            ``annotation`` the annotated (mask) area, scaled into it.
        collect_device: Where mmengine gathers the counts of all processes: ``cpu`` or ``gpu``.
        prefix: What stands before the names of the figures; ``recall`` by default.

    Raises:
        ValueError: An argument is not one of those named, or a sample cannot be measured or does
            not say what was searched.
    """

    default_prefix = "recall"

    def __init__(
        self,
        protocol: str = "coco",
        frame: BinFrame = "lr",
        area_source: AreaSource = "box",
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        _check_known("frame", frame, get_args(BinFrame))
        _check_known("area_source", area_source, get_args(AreaSource))
        self.protocol = protocol_named(protocol)
        self.frame = frame
        self.area_source = area_source

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the counts of a batch.

        Args:
            data_batch: Unused; the signature is mmengine's.
            data_samples: Samples as dicts.
        """
        for sample in data_samples:
            counted = self.count(sample)
            self.results.append(counted)

    def count(self, sample: Mapping[str, Any]) -> tuple[dict[str, ReachCount], float]:
        """Objects of one image by range of sizes, and the share of its area that was searched.

        Args:
            sample: A predicted sample as a dict.

        Raises:
            ValueError: It cannot be measured, or does not say what was searched.
        """
        record = image_record(sample, self.frame, self.area_source)
        reach = image_reach(sample, record)
        if reach is None:
            raise ValueError(
                "mmisr.ObjectRecall needs to know what was searched, and the sample of "
                f"{sample.get('img_path')} has neither `searched` nor `routing`; search in windows "
                "(test_cfg=dict(windows=dict(margin=8)) in the model), or keep the map of an "
                "editor that routes tokens (test_cfg=dict(keep_sr=True))"
            )
        ranges = self.protocol.sizes()
        classes = (self.dataset_meta or {}).get("classes", ())
        seen = counted(record, self.protocol, classes)
        reached = reach.reached[seen.annotations]
        counts = count_reached(seen.record.gt_areas, seen.record.gt_ignore, reached, ranges)
        return counts, reach.area

    def compute_metrics(
        self, results: list[tuple[dict[str, ReachCount], float]]
    ) -> dict[str, float]:
        """All figures by name; the class says which."""
        ranges = self.protocol.sizes()
        images: list[ReachCounts] = [dict.fromkeys(ranges, NONE)]
        areas = []
        for counts, area in results:
            images.append(counts)
            areas.append(area)
        totals = total_reached(images)
        figures = {}
        for name, count in totals.items():
            recall = count.recall
            figures[name] = math.nan if recall is None else recall
        figures[AREA] = _mean(areas)
        self._log(totals, figures)
        return figures

    def _log(self, totals: ReachCounts, figures: Mapping[str, float]) -> None:
        percent = 100 * figures[AREA]
        title = (
            f"Objects that are searched ({self.protocol.name}, sizes in {self.frame} pixels), "
            f"in {percent:.1f} % of the area"
        )
        header = ("size", "objects", "searched", "recall")
        rows = []
        for name, count in totals.items():
            row: list[Cell] = [name, count.annotated]
            row += [count.reached, figures[name]]
            rows.append(row)
        text = render_table(title, header, rows)
        MMLogger.get_current_instance().info("\n" + text)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _check_known(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {tuple(known)}, got {value!r}")
