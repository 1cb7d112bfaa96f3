"""The inference side of the door: mmdet's inferencer, and what draws its pictures."""

from __future__ import annotations

from typing import Any

from mmisr.openmmlab.stack import prepare

prepare()

from mmdet.apis.det_inferencer import IMG_EXTENSIONS
from mmdet.apis.det_inferencer import DetInferencer as MMDetInferencer
from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer, get_palette
from mmengine.structures import InstanceData

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
        # A sample's clone shares its instances: those of the caller keep their masks.
        bare = data_sample.clone()
        instances = data_sample.pred_instances
        others = {key: value for key, value in instances.items() if key != "masks"}
        bare.pred_instances = InstanceData(metainfo=instances.metainfo, **others)
        prediction: dict[str, Any] = super().pred2dict(bare, pred_out_dir)
        masks = []
        for run in runs:
            counts = run["counts"].decode()
            masks.append({**run, "counts": counts})
        prediction["masks"] = masks
        return prediction
