"""Metric ``SizeBinnedCocoMetric``: COCO AP by object size in the sensor's pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from mmisr.evaluation.functional.coco_records import (
    ImageRecord,
    by_masks,
    check_labels,
    in_order,
    save_records,
)
from mmisr.evaluation.functional.coco_results import coco_results, write_coco_results
from mmisr.evaluation.functional.ignore_rules import all_counted, has_regions
from mmisr.evaluation.functional.image_record import AreaSource, BinFrame, image_record
from mmisr.evaluation.functional.mask_records import IOU_TYPES, IouType
from mmisr.evaluation.functional.protocol_ap import protocol_ap
from mmisr.evaluation.functional.size_binned_ap import BinFigures
from mmisr.evaluation.functional.tables import Cell, render_table
from mmisr.evaluation.functional.weighted_ap import iou_index
from mmisr.evaluation.size_bins import (
    REGIONS_OF_A_CLASS,
    WHOLE,
    Protocol,
    cap_text,
    deviations,
    protocol_named,
)
from mmisr.registry import METRICS


@METRICS.register_module()
class SizeBinnedCocoMetric(BaseMetric):
    """COCO AP over all objects and by object size, measured in the frame of the sensor.

    Ground truth and predictions are read from the samples, both in the source frame, so that crops
    and arms agree by construction. IoU does not change under the map to LR; sizes do: an object of
    8x8 at LR is 32x32 in a source of x4, and would leave "small" without a word.

    With ``iou_type='segm'`` it is AP of masks: the same figures as ``segm/AP``, ..., and overlap is
    that of the masks, in pixels of the source frame. A config may have both metrics.

    Figures are unrounded: ``AP``, ``AP50``, ``AP75``, ``AR``, ``count``; for each bin
    ``AP_<bin>``, ``AP50_<bin>``, ``AR_<bin>``, ``count_<bin>``; ``AR@<cap>`` at the protocol's
    smaller caps; ``AP25`` and ``AP25_<bin>`` where it has that threshold; with ``classwise`` also
    ``AP_class_<name>``. A bin (or class) without ground truth is NaN, and so is a threshold that
    the protocol does not have. What is counted otherwise than by the benchmark's own tool is
    printed below the table. After an evaluation ``records`` holds every image's boxes on the main
    process, before the protocol leaves any out.

    Convention: both ends of a bin belong to it, and AR is the recall at ``max_dets``, as in COCO's
    reference code.

    Args:
        protocol: A name of :data:`mmisr.evaluation.size_bins.PROTOCOLS`: ``coco``, ``aitod``,
            ``tinyperson``, ``visdrone``, ``sodad``, ``voc`` (2010 and later), ``voc07`` or
            ``wider``; gives bins, cap, and the rules of matching, ignoring and averaging.
        frame: Where sizes are measured: ``lr`` (what the sensor saw) or ``source``.
        area_source: Size of an annotation: ``box`` takes the box's area in the frame,
            ``annotation`` the annotated (mask) area, scaled into it. A detection's is that of its
            box, or of its mask for the AP of masks by annotated areas, as in COCO.
        max_dets: Detections per image and class (``visdrone``: per image) that count, for every
            figure; the protocol's by default.
        classwise: Whether every class's AP is reported.
        records_file: An ``.npz`` file to store the records in, see :func:`load_records`; None for
            none.
        collect_device: Where mmengine gathers the records of all processes: ``cpu`` or ``gpu``.
        prefix: What stands before the names of the figures; ``iou_type`` by default.
        outfile_prefix: Also write the detections to ``<outfile_prefix>.<iou_type>.json``: COCO
            results with the ids of the annotation file; None for no file.
        format_only: Write them and measure nothing. None measures, unless a file is written and no
            image has an annotation.
        iou_type: ``bbox``, or ``segm`` for detectors with masks, on data that loads them, by a
            protocol with COCO's rules.

    Raises:
        ValueError: An argument is not one of those named, or ``format_only`` has no file to write;
            or a sample cannot be measured, or has a label outside ``dataset_meta['classes']``;
            or no annotation is in a subset that the protocol counts.
    """

    def __init__(  # noqa: PLR0913 - two of the last are those of mmdet's CocoMetric, under their names
        self,
        protocol: str = "coco",
        frame: BinFrame = "lr",
        area_source: AreaSource = "box",
        max_dets: int | None = None,
        classwise: bool = False,
        records_file: str | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
        outfile_prefix: str | None = None,
        format_only: bool | None = None,
        iou_type: IouType = "bbox",
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix or iou_type)
        if iou_type not in IOU_TYPES:
            raise ValueError(f"iou_type must be one of {IOU_TYPES}, got {iou_type!r}")
        if frame not in ("lr", "source"):
            raise ValueError(f"frame must be 'lr' or 'source', got {frame!r}")
        if area_source not in ("box", "annotation"):
            raise ValueError(f"area_source must be 'box' or 'annotation', got {area_source!r}")
        if max_dets is not None and max_dets < 1:
            raise ValueError(
                f"max_dets must be >= 1, or None for the protocol's own, got {max_dets}"
            )
        if format_only and outfile_prefix is None:
            raise ValueError(
                "format_only=True writes a file and no figures: give outfile_prefix, got None"
            )
        self.protocol = protocol_named(protocol)
        if iou_type == "segm" and not self.protocol.is_coco:
            raise ValueError(
                f"AP of masks is counted by COCO's rules, and {protocol!r} has its own for "
                "boxes; set protocol='coco' or 'aitod' beside iou_type='segm'"
            )
        self.frame = frame
        self.area_source = area_source
        self.max_dets = self.protocol.max_dets if max_dets is None else max_dets
        self.classwise = classwise
        self.records_file = records_file
        self.outfile_prefix = outfile_prefix
        self.format_only = format_only
        self.iou_type = iou_type
        self.records: list[ImageRecord] = []

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the boxes of a batch, as arrays on the CPU.

        Args:
            data_batch: Unused; the signature is mmengine's.
            data_samples: Samples as dicts, with ``pred_instances``, ``gt_instances``,
                ``ignored_instances``.
        """
        for sample in data_samples:
            self.results.append(self.record_of(sample))

    def record_of(self, sample: dict) -> ImageRecord:
        """What a sample contributes, measured as this metric is set to.

        Args:
            sample: A predicted sample as a dict, see :func:`image_record`.

        Raises:
            ValueError: It cannot be measured, or has a label that the data set does not know.
        """
        record = image_record(sample, self.frame, self.area_source, self.iou_type)
        # A wrong label shows now rather than after the last image, hours later.
        if self.dataset_meta:
            check_labels(record, len(self._classes()))
        return record

    def compute_metrics(self, results: list[ImageRecord]) -> dict[str, float]:
        """All figures by name; the class says which."""
        classes = self._classes()
        self.records = in_order(results)
        if self.outfile_prefix is not None:
            ids = {r.img_id: r.category_ids for r in self.records}
            entries = coco_results(self.records, ids, self.iou_type)
            write_coco_results(f"{self.outfile_prefix}.{self.iou_type}.json", entries)
            if self.format_only or (
                self.format_only is None and not any(len(r.gt_labels) for r in self.records)
            ):
                return {}
        counted = all_counted(self.records, self.protocol, classes)
        measured = self.measured(counted)
        figures = protocol_ap(measured, len(classes), self.protocol, self.max_dets)
        if self.records_file is not None:
            save_records(self.records_file, self.records, self._settings(classes))
        self._log(figures, classes)
        flat = _flat(figures, self.protocol)
        if self.classwise:
            for name, ap in zip(classes, figures[WHOLE].class_ap, strict=True):
                flat[f"AP_class_{name}"] = ap
        return flat

    def measured(self, records: Sequence[ImageRecord]) -> list[ImageRecord]:
        """Records as AP is counted on them: by boxes, or by masks.

        Args:
            records: As :meth:`record_of` makes them.
        """
        if self.iou_type == "bbox":
            return list(records)
        return [by_masks(record, self.area_source == "annotation") for record in records]

    def figure_names(self) -> list[str]:
        """What an evaluation returns, but for the classes.

        Names that hooks and schedulers may watch.
        """
        nothing = math.nan
        caps = [cap for cap in self.protocol.averaging.recall_at if cap < self.max_dets]
        of_range = BinFigures(
            ap=nothing,
            ap50=nothing,
            ap75=nothing,
            ar=nothing,
            count=0,
            class_ap=(),
            recall_at=dict.fromkeys(caps, nothing),
        )
        figures = dict.fromkeys(self.protocol.ranges(), of_range)
        return [f"{self.prefix}/{name}" for name in _flat(figures, self.protocol)]

    def deviations(self, records: Sequence[ImageRecord] = ()) -> list[str]:
        """What this metric counts otherwise than the benchmark's own tool, one sentence each.

        Args:
            records: What is counted; those of the last evaluation by default.
        """
        said = deviations(self.protocol, self.frame, self.area_source, self.max_dets)
        drops_regions = self.protocol.ignoring.region_share is not None
        if not drops_regions and has_regions(records or self.records):
            said.append(REGIONS_OF_A_CLASS)
        return said

    def mmdet_names(self) -> dict[str, str]:
        """The names under which mmdet's ``CocoMetric`` gives the same figures, and ours for them.

        They are no figures of their own: a ``CocoMetric`` beside this one gives them too, and
        mmengine refuses a name twice.
        """
        if not self.protocol.is_coco:
            return {}
        same = {"mAP": "AP", "mAP_50": "AP50", "mAP_75": "AP75"}
        if self.protocol.name == "coco" and self.frame == "source":
            same |= {f"mAP_{name[0]}": f"AP_{name}" for name in self.protocol.bins}
        return {
            f"coco/{self.iou_type}_{alias}": f"{self.prefix}/{name}" for alias, name in same.items()
        }

    def _classes(self) -> tuple[str, ...]:
        classes = (self.dataset_meta or {}).get("classes", ())
        classes = (classes,) if isinstance(classes, str) else tuple(classes)
        if not classes:
            raise ValueError(
                "SizeBinnedCocoMetric needs dataset_meta['classes'], found none; set "
                "metainfo=dict(classes=(...)) in "
                "the dataset config"
            )
        return classes

    def _settings(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """What the records were measured with, to be stored beside them."""
        return {
            "protocol": self.protocol.name,
            "classes": classes,
            "frame": self.frame,
            "area_source": self.area_source,
            "max_dets": self.max_dets,
            "iou_type": self.iou_type,
        }

    def _log(self, figures: dict[str, BinFigures], classes: tuple[str, ...]) -> None:
        what = "AP" if self.iou_type == "bbox" else "AP of masks"
        title = (
            f"{what} by object size ({self.protocol.name}, sizes in {self.frame} pixels, "
            f"{cap_text(self.max_dets)})"
        )
        has_25 = iou_index(self.protocol, 0.25) is not None
        header = ("size", "boxes", "AP", *(("AP25",) if has_25 else ()), "AP50", "AP75", "AR")
        rows: list[tuple[Cell, ...]] = []
        for name, f in figures.items():
            low_iou = (f.ap25,) if has_25 else ()
            rows.append((name, f.count, f.ap, *low_iou, f.ap50, f.ap75, f.ar))
        text = render_table(title, header, rows)
        if self.classwise:
            by_class: list[tuple[Cell, ...]] = []
            for index, name in enumerate(classes):
                aps = [f.class_ap[index] for f in figures.values()]
                by_class.append((name, *aps))
            text += "\n" + render_table("AP by class", ("class", *figures), by_class)
        whole = figures[WHOLE]
        if whole.recall_at:
            caps = map(str, whole.recall_at)
            recalls: tuple[Cell, ...] = ("AR", *whole.recall_at.values())
            text += "\n" + render_table("AR at fewer detections", ("", *caps), [recalls])
        for sentence in self.deviations():
            text += f"\nnot as in the benchmark's own tool: {sentence}"
        MMLogger.get_current_instance().info("\n" + text)


def _flat(figures: Mapping[str, BinFigures], protocol: Protocol) -> dict[str, float]:
    """The figures of all ranges under the names that configs and logs use."""
    whole = figures[WHOLE]
    # Counts are floats: mmengine writes whole numbers into its JSON log as null.
    flat = {
        "AP": whole.ap,
        "AP50": whole.ap50,
        "AP75": whole.ap75,
        "AR": whole.ar,
        "count": float(whole.count),
    }
    for name, figure in figures.items():
        if name == WHOLE:
            continue
        flat[f"AP_{name}"] = figure.ap
        flat[f"AP50_{name}"] = figure.ap50
        flat[f"AR_{name}"] = figure.ar
        flat[f"count_{name}"] = float(figure.count)
    for cap, recall in whole.recall_at.items():
        flat[f"AR@{cap}"] = recall
    if iou_index(protocol, 0.25) is not None:
        for name, figure in figures.items():
            flat["AP25" if name == WHOLE else f"AP25_{name}"] = figure.ap25
    return flat
