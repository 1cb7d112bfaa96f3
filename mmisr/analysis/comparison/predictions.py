"""The detections of every arm of a comparison as COCO results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.logging import MMLogger

from mmisr.analysis.comparison.result import ArmRun
from mmisr.evaluation.functional.coco_results import coco_results, write_coco_results
from mmisr.ops.wrapped import parts_of

FOLDER = "predictions"


def write_predictions(folder: Path, runs: Mapping[str, ArmRun], dataset: Any) -> None:
    """Write ``predictions/<arm>.bbox.json``, with the ids of the annotation file.

    And ``<arm>.segm.json`` where the arms have masks.

    Args:
        folder: The folder of the comparison.
        runs: Its arms by name.
        dataset: Its data.
    """
    parts = parts_of(dataset)
    strange = [type(part).__name__ for part in parts if not hasattr(part, "cat_ids")]
    if strange:
        MMLogger.get_current_instance().warning(
            f"no COCO results are written: {strange[0]} has no category ids"
        )
        return
    ids = {}
    for part in parts:
        for index in range(len(part)):
            img_id = part.get_data_info(index)["img_id"]
            ids[img_id] = tuple(part.cat_ids)
    for path in (folder / FOLDER).glob("*.json"):
        name, *_ = path.name.rsplit(".", 2)
        if name not in runs:
            path.unlink()  # of an arm that is no longer compared, or has not run anew
    for name, run in runs.items():
        boxes = coco_results(run.stored, ids)
        path = folder / FOLDER / f"{name}.bbox.json"
        write_coco_results(path, boxes)
        if run.has_masks:
            masks = coco_results(run.stored, ids, "segm")
            path = folder / FOLDER / f"{name}.segm.json"
            write_coco_results(path, masks)
