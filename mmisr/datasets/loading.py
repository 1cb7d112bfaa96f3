"""Transform ``LoadImage``."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmisr.datasets.images import read_rgb
from mmisr.openmmlab.transforms import BaseTransform
from mmisr.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Load an image, strictly: what cannot be shown as 8-bit RGB without a decision of yours is an error.

    Convention: ``results['img']`` is (H, W, 3) uint8 **BGR**, as mmdet's transforms expect it.

    Args:
        backend_args: Arguments of mmengine's file back end.

    Raises:
        ImageError: See :func:`mmisr.datasets.images.read_rgb`.
    """

    def __init__(self, backend_args: dict[str, Any] | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Fill ``img``, ``img_shape`` and ``ori_shape``; an ``img`` array that is there already is kept."""
        if "img" not in results:
            rgb = read_rgb(results["img_path"], self.backend_args)
            results["img"] = np.ascontiguousarray(rgb[..., ::-1])
        results["img_shape"] = results["ori_shape"] = results["img"].shape[:2]
        return results
