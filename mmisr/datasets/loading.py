"""Transform ``LoadImage``."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmisr.datasets.images import MAX_PIXELS, check_annotated_size, read_rgb
from mmisr.openmmlab.transforms import BaseTransform
from mmisr.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Load an image, strictly.

    What cannot be shown as 8-bit RGB without a decision of yours is an error.

    Convention: ``results['img']`` is (H, W, 3) uint8 **BGR**, as mmdet's transforms expect it.

    Args:
        backend_args: Arguments of mmengine's file back end.
        max_pixels: Largest height times width that is read; the data set checks files by the same
            limit.

    Raises:
        ValueError: ``max_pixels`` is no number of pixels.
        ImageError: See :func:`mmisr.datasets.images.read_rgb`; or the image has another size than
            its annotation says.
        TypeError: ``img`` is there already and is no (H, W, 3) uint8 array.
    """

    stands_for = "LoadImageFromFile"
    """The step of a plain pipeline that mmdet's inferencers and tools take it for."""

    def __init__(
        self, backend_args: dict[str, Any] | None = None, max_pixels: int = MAX_PIXELS
    ) -> None:
        if isinstance(max_pixels, bool) or not isinstance(max_pixels, int) or max_pixels < 1:
            raise ValueError(
                f"LoadImage.max_pixels must be a whole number from 1 on, got {max_pixels!r}"
            )
        self.backend_args = backend_args
        self.max_pixels = max_pixels

    def transform(self, results: dict) -> dict:
        """Fill ``img``, ``img_shape`` and ``ori_shape``.

        An ``img`` array that is there already is kept.
        """
        if "img" in results:
            _check_array(results["img"])
        else:
            rgb = read_rgb(results["img_path"], self.backend_args, self.max_pixels)
            check_annotated_size(results, (rgb.shape[0], rgb.shape[1]))
            results["img"] = np.ascontiguousarray(rgb[..., ::-1])
        results["img_shape"] = results["ori_shape"] = results["img"].shape[:2]
        return results


def _check_array(image: Any) -> None:
    found = (
        f"{image.dtype} of shape {image.shape}"
        if isinstance(image, np.ndarray)
        else type(image).__name__
    )
    good = (
        isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.size
    )
    if not good or image.shape[2] != 3:
        raise TypeError(
            f"an image in memory must be a (H, W, 3) uint8 BGR numpy array, got {found}"
        )
