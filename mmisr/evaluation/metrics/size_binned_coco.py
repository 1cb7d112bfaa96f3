"""Metric ``SizeBinnedCocoMetric``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from rich.console import Console
from rich.table import Table

from mmisr.evaluation.functional.size_binned_ap import BinFigures, ImageRecord, size_binned_ap
from mmisr.evaluation.size_bins import protocol_named
from mmisr.registry import METRICS
from mmisr.structures.frames import FrameMap


@METRICS.register_module()
class SizeBinnedCocoMetric(BaseMetric):
    """COCO AP over all objects and by object size, measured in the frame of the sensor.

    Ground truth and predictions are read from the samples, both in the source frame, so that crops and arms agree by
    construction. IoU does not change under the map to LR; sizes do: an 8x8 object at LR is 32x32 at x4, and would leave
    "small" without a word.

    Args:
        protocol: ``coco`` or ``aitod``.
        frame: Where sizes are measured: ``lr`` (what the sensor saw) or ``source``.
        area_source: ``box`` recomputes areas from the boxes; ``annotation`` takes the annotated (mask) area, mapped to
            the frame.
        max_dets: Detections an image and class that count; the protocol's by default.
        collect_device: As in mmengine.
        prefix: As in mmengine.

    Raises:
        ValueError: An argument is not one of those named; or, when computing, a label is outside the classes.
    """

    default_prefix = "bbox"

    def __init__(
        self,
        protocol: str = "coco",
        frame: Literal["lr", "source"] = "lr",
        area_source: Literal["box", "annotation"] = "box",
        max_dets: int | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if frame not in ("lr", "source"):
            raise ValueError(f"frame must be 'lr' or 'source', got {frame!r}")
        if area_source not in ("box", "annotation"):
            raise ValueError(f"area_source must be 'box' or 'annotation', got {area_source!r}")
        self.protocol = protocol_named(protocol)
        self.frame = frame
        self.area_source = area_source
        self.max_dets = max_dets or self.protocol.max_dets

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the boxes of a batch, as arrays on the CPU."""
        self.results += [(s["img_id"], self._record(s)) for s in data_samples]

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute all figures; ``AP``, ``AP50``, ``AP75``, ``AR``, and ``AP_<bin>``, ``AR_<bin>``, ``count_<bin>``."""
        records = [record for _, record in sorted(results, key=lambda r: str(r[0]))]
        classes = self.dataset_meta.get("classes", ()) if self.dataset_meta else ()
        if not classes:
            raise ValueError("SizeBinnedCocoMetric needs dataset_meta['classes']; set metainfo=dict(classes=(...)) in the data")
        figures = size_binned_ap(records, len(classes), self.protocol.bins, self.max_dets)
        self._log(figures)
        whole = figures.pop("all")
        flat = {"AP": whole.ap, "AP50": whole.ap50, "AP75": whole.ap75, "AR": whole.ar, "count": whole.count}
        for name, f in figures.items():
            flat |= {f"AP_{name}": f.ap, f"AR_{name}": f.ar, f"count_{name}": f.count}
        return flat

    def _record(self, sample: dict) -> ImageRecord:
        to_bins = self._to_bins(sample)
        found, truth, ignored = sample["pred_instances"], sample["gt_instances"], sample["ignored_instances"]
        boxes = to_bins.boxes(torch.cat([truth["bboxes"], ignored["bboxes"]]).cpu().double())
        if self.area_source == "annotation":
            areas = torch.cat([truth["areas"], ignored["areas"]]).cpu().double()
            areas = areas * (to_bins.scale_xy[0] * to_bins.scale_xy[1])
        else:
            areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        return ImageRecord(
            gt_xyxy=boxes.numpy(),
            gt_labels=torch.cat([truth["labels"], ignored["labels"]]).cpu().numpy(),
            gt_areas=areas.numpy(),
            gt_ignore=np.repeat([False, True], [len(truth["labels"]), len(ignored["labels"])]),
            det_xyxy=to_bins.boxes(found["bboxes"].detach().cpu().double()).numpy(),
            det_labels=found["labels"].cpu().numpy(),
            det_scores=found["scores"].detach().cpu().double().numpy(),
        )

    def _to_bins(self, sample: dict) -> FrameMap:
        if self.frame == "source":
            return FrameMap()
        missing = [key for key in ("source_shape", "lr_shape") if key not in sample]
        if missing:
            raise ValueError(
                f"size bins in the lr frame need {missing} in the sample of {sample.get('img_path')}; pack it with "
                "mmisr.PackSRDetInputs, or set frame='source'"
            )
        return FrameMap.between(tuple(sample["source_shape"]), tuple(sample["lr_shape"]))

    def _log(self, figures: dict[str, BinFigures]) -> None:
        table = Table(title=f"AP by size ({self.protocol.name}, {self.frame} frame, max_dets {self.max_dets})")
        for column in ("size", "boxes", "AP", "AP50", "AP75", "AR"):
            table.add_column(column, justify="left" if column == "size" else "right")
        for name, f in figures.items():
            values = ("-" if np.isnan(v) else f"{v:.3f}" for v in (f.ap, f.ap50, f.ap75, f.ar))
            table.add_row(name, str(f.count), *values)
        console = Console(width=80)
        with console.capture() as text:
            console.print(table)
        MMLogger.get_current_instance().info("\n" + text.get())
