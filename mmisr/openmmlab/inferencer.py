"""The inference side of the door: mmdet's inferencer, and what draws its pictures."""

from __future__ import annotations

from typing import Any

from mmisr.openmmlab.stack import prepare

prepare()

from mmdet.apis.det_inferencer import IMG_EXTENSIONS
from mmdet.apis.det_inferencer import DetInferencer as MMDetInferencer
from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer, get_palette

from mmisr.openmmlab.masks import without_masks

__all__ = ["IMG_EXTENSIONS", "DetInferencer", "DetLocalVisualizer", "get_palette"]


class DetInferencer(MMDetInferencer):
    """mmdet's inferencer; predicted masks may be run lengths already."""

    def pred2dict(self, data_sample: DetDataSample, pred_out_dir: str = "") -> dict[str, Any]:
        """A prediction as plain lists, as mmdet's own.

        Args:
            data_sample: The predicted sample.
            pred_out_dir: As mmdet's.
        """
        runs = data_sample.pred_instances.get("masks")
        if not isinstance(runs, list):
            plain: dict[str, Any] = super().pred2dict(data_sample, pred_out_dir)
            return plain
        instances = data_sample.pred_instances
        bare = data_sample.clone()
        bare.pred_instances = without_masks(instances)
        prediction: dict[str, Any] = super().pred2dict(bare, pred_out_dir)
        masks = []
        for run in runs:
            counts = run["counts"]
            text = counts.decode()
            mask = {**run, "counts": text}
            masks.append(mask)
        prediction["masks"] = masks
        return prediction
