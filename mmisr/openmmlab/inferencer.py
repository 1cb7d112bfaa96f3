"""The inference side of the door: mmdet's inferencer, and what draws its pictures."""

from __future__ import annotations

from mmisr.openmmlab.stack import prepare

prepare()

from mmdet.apis.det_inferencer import IMG_EXTENSIONS, DetInferencer
from mmdet.visualization import DetLocalVisualizer, get_palette

__all__ = ["IMG_EXTENSIONS", "DetInferencer", "DetLocalVisualizer", "get_palette"]
