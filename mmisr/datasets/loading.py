"""Transform ``LoadImage``."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmisr.datasets.images import MAX_PIXELS, check_annotated_size, read_rgb
from mmisr.datasets.tiles import WINDOW, cut_window, shapes_in
from mmisr.openmmlab.transforms import BaseTransform
from mmisr.ops.motion import note_motion
from mmisr.registry import TRANSFORMS

Kept = OrderedDict[str, NDArray[np.uint8]]
"""Decoded images by path, the last one read last."""


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Load an image, strictly.

    What cannot be shown as 8-bit RGB without a decision of yours is an error.

    Convention: ``results['img']`` is (H, W, 3) uint8 **BGR**, as mmdet's transforms expect it.

    Args:
        backend_args: Arguments of mmengine's file back end.
        max_pixels: Largest height times width that is read; the data set checks files by the same
            limit.
        keep: Decoded images that every worker keeps in memory, the last ones read; 0, the default,
            for none. Training on patches of few images reads each of them many times, and decoding
            takes longer than all else.

    Raises:
        ValueError: ``max_pixels`` is no number of pixels, or ``keep`` none of images.
        ImageError: See :func:`mmisr.datasets.images.read_rgb`; or the image has another size than
            its annotation says.
        TypeError: ``img`` is there already and is no (H, W, 3) uint8 array.
    """

    stands_for = "LoadImageFromFile"
    """The step of a plain pipeline that mmdet's inferencers and tools take it for."""

    def __init__(
        self,
        backend_args: dict[str, Any] | None = None,
        max_pixels: int = MAX_PIXELS,
        keep: int = 0,
    ) -> None:
        if isinstance(max_pixels, bool) or not isinstance(max_pixels, int) or max_pixels < 1:
            raise ValueError(
                f"LoadImage.max_pixels must be a whole number from 1 on, got {max_pixels!r}"
            )
        if isinstance(keep, bool) or not isinstance(keep, int) or keep < 0:
            raise ValueError(f"LoadImage.keep must be a whole number from 0 on, got {keep!r}")
        self.backend_args = backend_args
        self.max_pixels = max_pixels
        self.keep = keep
        self.kept: Kept = OrderedDict()

    def transform(self, results: dict) -> dict:
        """Fill ``img``, ``img_shape`` and ``ori_shape``; of a tile its own pixels alone.

        An ``img`` array that is there already is kept.
        """
        if "img" in results:
            _check_array(results["img"])
        else:
            image = self._read(results["img_path"])
            height, width = image.shape[:2]
            check_annotated_size(results, (height, width))
            if WINDOW in results:
                image = _shown(results, image)
            results["img"] = image.copy() if self.keep else image
        results["img_shape"] = results["ori_shape"] = results["img"].shape[:2]
        return results

    def _read(self, path: str) -> NDArray[np.uint8]:
        """(H, W, 3) BGR, from memory where it was kept: there it must not be changed."""
        kept = self.kept
        if path in kept:
            kept.move_to_end(path)
            return kept[path]
        rgb = read_rgb(path, self.backend_args, self.max_pixels)
        reversed_channels = rgb[..., ::-1]
        bgr = np.ascontiguousarray(reversed_channels)
        if self.keep:
            kept[path] = bgr
        if len(kept) > self.keep:
            kept.popitem(last=False)
        return bgr


def _shown(results: dict, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A tile of an image, and its objects' masks in the tile's pixels."""
    window = results[WINDOW]
    left, top, _, _ = window
    motion = np.eye(3)
    motion[:2, 2] = [-left, -top]
    note_motion(results, motion)
    results["instances"] = shapes_in(window, results.get("instances", ()))
    return np.ascontiguousarray(cut_window(image, window))


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
