"""The base class of data transforms, from mmcv."""

from __future__ import annotations

from mmisr.openmmlab.stack import prepare

prepare()

from mmcv.transforms import BaseTransform

__all__ = ["BaseTransform"]
