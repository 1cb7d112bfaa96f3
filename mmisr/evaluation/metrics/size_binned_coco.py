"""Metric ``SizeBinnedCocoMetric``: COCO AP by object size in the sensor's pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from torch import Tensor

from mmisr.evaluation.functional.coco_records import (
    ImageRecord,
    check_labels,
    in_order,
    save_records,
)
from mmisr.evaluation.functional.coco_results import coco_results, write_coco_results
from mmisr.evaluation.functional.size_binned_ap import BinFigures, size_binned_ap
from mmisr.evaluation.functional.tables import Cell, render_table
from mmisr.evaluation.size_bins import WHOLE, protocol_named
from mmisr.ops.boxes import area
from mmisr.registry import METRICS
from mmisr.structures.frames import FrameMap


@METRICS.register_module()
class SizeBinnedCocoMetric(BaseMetric):
    """COCO AP over all objects and by object size, measured in the frame of the sensor.

    Ground truth and predictions are read from the samples, both in the source frame, so that crops
    and arms agree by construction. IoU does not change under the map to LR; sizes do: an object of
    8x8 at LR is 32x32 in a source of x4, and would leave "small" without a word.

    Figures are unrounded: ``AP``, ``AP50``, ``AP75``, ``AR``, ``count``; for each bin ``AP_<bin>``,
        ``AP50_<bin>``,
    ``AR_<bin>``, ``count_<bin>``; with ``classwise`` also ``AP_class_<name>``. A bin (or class)
    without ground truth is NaN. After an evaluation ``records`` holds every image's boxes on the
    main process, for resampling.

    Convention: both ends of a bin belong to it, and AR is the recall at ``max_dets``, as in COCO's
    reference code.

    Args:
        protocol: ``coco`` or ``aitod``; gives the bins and the cap.
        frame: Where sizes are measured: ``lr`` (what the sensor saw) or ``source``.
        area_source: Size of an annotation: ``box`` takes the box's area in the frame,
            ``annotation`` the annotated (mask) area, scaled into it. A detection's is always its
            box's.
        max_dets: Detections an image and class that count, for every figure; the protocol's by
            default.
        classwise: Report every class's AP.
        records_file: An ``.npz`` file to store the records in, see :func:`load_records`; None for
            none.
        collect_device: As in mmengine.
        prefix: As in mmengine.
        outfile_prefix: Also write the detections to ``<outfile_prefix>.bbox.json``: COCO results
            with the ids of the annotation file; None for no file.
        format_only: Write them and measure nothing. None measures, unless a file is written and no
            image has an annotation.

    Raises:
        ValueError: An argument is not one of those named, or ``format_only`` has no file to write;
            or a sample cannot be measured, or has a label outside ``dataset_meta['classes']``.
    """

    default_prefix = "bbox"

    def __init__(  # noqa: PLR0913 - the last two are those of mmdet's CocoMetric, under their names
        self,
        protocol: str = "coco",
        frame: Literal["lr", "source"] = "lr",
        area_source: Literal["box", "annotation"] = "box",
        max_dets: int | None = None,
        classwise: bool = False,
        records_file: str | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
        outfile_prefix: str | None = None,
        format_only: bool | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
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
        self.frame = frame
        self.area_source = area_source
        self.max_dets = self.protocol.max_dets if max_dets is None else max_dets
        self.classwise = classwise
        self.records_file = records_file
        self.outfile_prefix = outfile_prefix
        self.format_only = format_only
        self.records: list[ImageRecord] = []

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the boxes of a batch, as arrays on the CPU.

        Args:
            data_batch: Unused; the signature is mmengine's.
            data_samples: Samples as dicts, with ``pred_instances``, ``gt_instances``,
                ``ignored_instances``.
        """
        for sample in data_samples:
            record = self._record(sample)
            if self.dataset_meta:  # now rather than after the last image
                check_labels(record, len(self._classes()))
            self.results.append(record)

    def compute_metrics(self, results: list[ImageRecord]) -> dict[str, float]:
        """All figures by name; the class says which."""
        classes = self._classes()
        self.records = in_order(results)
        if self.outfile_prefix is not None:
            entries = coco_results(self.records, {r.img_id: r.category_ids for r in self.records})
            write_coco_results(f"{self.outfile_prefix}.bbox.json", entries)
            if self.format_only or (
                self.format_only is None and not any(len(r.gt_labels) for r in self.records)
            ):
                return {}
        figures = size_binned_ap(self.records, len(classes), self.protocol.ranges(), self.max_dets)
        if self.records_file is not None:
            save_records(self.records_file, self.records, self._facts(classes))
        self._log(figures, classes)
        whole = figures.pop(WHOLE)
        # Counts are floats: mmengine writes whole numbers into its JSON log as null.
        flat = {
            "AP": whole.ap,
            "AP50": whole.ap50,
            "AP75": whole.ap75,
            "AR": whole.ar,
            "count": float(whole.count),
        }
        for name, f in figures.items():
            flat |= {
                f"AP_{name}": f.ap,
                f"AP50_{name}": f.ap50,
                f"AR_{name}": f.ar,
                f"count_{name}": float(f.count),
            }
        if self.classwise:
            flat |= {f"AP_class_{c}": ap for c, ap in zip(classes, whole.class_ap, strict=True)}
        return flat

    def figure_names(self) -> list[str]:
        """What an evaluation returns, but for the classes.

        Names that hooks and schedulers may watch.
        """
        parts = ("AP", "AP50", "AR", "count")
        own = [
            "AP",
            "AP50",
            "AP75",
            "AR",
            "count",
            *(f"{part}_{name}" for name in self.protocol.bins for part in parts),
        ]
        return [f"{self.prefix}/{name}" for name in own]

    def mmdet_names(self) -> dict[str, str]:
        """The names under which mmdet's ``CocoMetric`` gives the same figures, and ours for them.

        They are no figures of their own: a ``CocoMetric`` beside this one gives them too, and
            mmengine refuses a name twice.
        """
        same = {"mAP": "AP", "mAP_50": "AP50", "mAP_75": "AP75"}
        if self.protocol.name == "coco" and self.frame == "source":
            same |= {f"mAP_{name[0]}": f"AP_{name}" for name in self.protocol.bins}
        return {f"coco/bbox_{alias}": f"{self.prefix}/{name}" for alias, name in same.items()}

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

    def _facts(self, classes: tuple[str, ...]) -> dict[str, Any]:
        names = ("frame", "area_source", "max_dets")
        return {
            "protocol": self.protocol.name,
            "classes": classes,
            **{name: getattr(self, name) for name in names},
        }

    def _record(self, sample: dict) -> ImageRecord:
        to_bins = self._to_bins(sample)
        truth, found = _instances(sample, "gt_instances"), _instances(sample, "pred_instances")
        ignored = sample.get("ignored_instances") or {}
        parts = [part for part in (truth, ignored) if "bboxes" in part]
        gt_xyxy = torch.cat([_xyxy(part) for part in parts])
        det_xyxy = _xyxy(found)
        return ImageRecord(
            img_id=_image_id(sample),
            gt_xyxy=gt_xyxy.numpy(),
            gt_labels=np.concatenate([_column(part, "labels", np.int64) for part in parts]),
            gt_areas=self._gt_areas(gt_xyxy, parts, to_bins, sample),
            gt_ignore=np.repeat(
                [False, True][: len(parts)], [len(part["bboxes"]) for part in parts]
            ),
            det_xyxy=det_xyxy.numpy(),
            det_labels=_column(found, "labels", np.int64),
            det_scores=_column(found, "scores", np.float64),
            det_areas=area(to_bins.boxes(det_xyxy)).numpy(),
            category_ids=tuple(sample.get("category_ids") or ()),
        )

    def _gt_areas(
        self, xyxy: Tensor, parts: list[Any], to_bins: FrameMap, sample: dict
    ) -> np.ndarray:
        if self.area_source == "box":
            return area(to_bins.boxes(xyxy)).numpy()
        if any("areas" not in part for part in parts):
            raise ValueError(
                f"area_source='annotation' needs gt_instances.areas, {_name(sample)} has none; "
                f"pack the sample with "
                "mmisr.PackSRDetInputs, or set area_source='box'"
            )
        annotated = np.concatenate([_column(part, "areas", np.float64) for part in parts])
        return annotated * (to_bins.scale_xy[0] * to_bins.scale_xy[1])

    def _to_bins(self, sample: dict) -> FrameMap:
        if self.frame == "source":
            return FrameMap()
        absent = [key for key in ("source_shape", "lr_shape") if sample.get(key) is None]
        if absent:
            raise ValueError(
                f"size bins in the lr frame need {absent}, which {_name(sample)} does not have; "
                f"pack the sample with "
                "mmisr.PackSRDetInputs, or set frame='source'"
            )
        return FrameMap.between(tuple(sample["source_shape"])[:2], tuple(sample["lr_shape"])[:2])

    def _log(self, figures: dict[str, BinFigures], classes: tuple[str, ...]) -> None:
        rows = [(name, f.count, f.ap, f.ap50, f.ap75, f.ar) for name, f in figures.items()]
        title = (
            f"AP by object size ({self.protocol.name}, sizes in {self.frame} pixels, max_dets "
            f"{self.max_dets})"
        )
        text = render_table(title, ("size", "boxes", "AP", "AP50", "AP75", "AR"), rows)
        if self.classwise:
            per_class: list[tuple[Cell, ...]] = [
                (c, *(f.class_ap[i] for f in figures.values())) for i, c in enumerate(classes)
            ]
            text += "\n" + render_table("AP by class", ("class", *figures), per_class)
        MMLogger.get_current_instance().info("\n" + text)


def _instances(sample: dict, field: str) -> Any:
    found = sample.get(field)
    if found is None or "bboxes" not in found:
        raise ValueError(
            f"SizeBinnedCocoMetric needs {field}, which {_name(sample)} does not have; ground "
            f"truth comes from "
            "LoadAnnotations and mmisr.PackSRDetInputs in the test pipeline, predictions from the "
            "detector"
        )
    return found


def _name(sample: dict) -> str:
    return f"the sample of {sample.get('img_path') or sample.get('img_id')}"


def _image_id(sample: dict) -> int | str:
    img_id = sample.get("img_id")
    if img_id is None:
        raise ValueError(f"SizeBinnedCocoMetric needs img_id, which {_name(sample)} does not have")
    return img_id if isinstance(img_id, str) else int(img_id)


def _xyxy(instances: Any) -> Tensor:
    boxes = instances["bboxes"]
    boxes = getattr(
        boxes, "tensor", boxes
    )  # mmdet's own box type, where a foreign pipeline left it
    return torch.as_tensor(boxes).detach().cpu().double().reshape(-1, 4)


def _column(instances: Any, key: str, dtype: type) -> np.ndarray:
    return torch.as_tensor(instances[key]).detach().cpu().double().numpy().astype(dtype)
