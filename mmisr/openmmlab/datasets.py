"""The data side of the door: mmdet's COCO reader and sample, mmagic's sample and transform registry."""

from __future__ import annotations

from mmisr.openmmlab.stack import prepare

prepare()

from mmagic.structures import DataSample as MagicDataSample  # noqa: E402
from mmdet.datasets import CocoDataset  # noqa: E402
from mmdet.structures import DetDataSample  # noqa: E402
from mmdet.structures.bbox import BaseBoxes, HorizontalBoxes  # noqa: E402

__all__ = ["BaseBoxes", "CocoDataset", "DetDataSample", "HorizontalBoxes", "MagicDataSample"]
