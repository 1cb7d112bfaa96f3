"""The data side of the door.

Mmdet's COCO reader and sample, mmagic's sample and transform registry.
"""

from __future__ import annotations

from mmisr.openmmlab.stack import prepare

prepare()

from mmagic.structures import DataSample as MagicDataSample
from mmdet.datasets import CocoDataset
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import BaseBoxes, HorizontalBoxes

__all__ = ["BaseBoxes", "CocoDataset", "DetDataSample", "HorizontalBoxes", "MagicDataSample"]
