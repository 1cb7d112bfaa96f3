"""Transforms that give every sample its LR image."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from mmisr.degradation.recipes import Degradation
from mmisr.openmmlab.samples import image_seed
from mmisr.openmmlab.transforms import BaseTransform
from mmisr.ops.motion import note_partner
from mmisr.registry import TRANSFORMS
from mmisr.structures.pixels import to_bytes, to_unit


@TRANSFORMS.register_module()
class SimulateLR(BaseTransform):
    """Make the LR image from the HR image.

    HR stays in ``img``, LR goes to ``lr`` (both (., ., 3) uint8 BGR).

    The arguments up to ``jpeg_quality`` are those of
    :class:`mmisr.degradation.recipes.Degradation`.

    Args:
        scale: Reduction factor.
        recipe: ``matlab_bicubic``, ``torch_bicubic_noaa``, ``cv2_area``, a test condition of
            COCO-d (``coco_d_...``), or ``linear_noise``.
        blur_sigma: Range of the blur before, in HR pixels.
        blur_shape: ``iso`` or ``aniso``.
        noise_sigma: Range of the noise after, on the 0..255 scale.
        jpeg_quality: Range of the JPEG quality at the end.
        seed: Combined with the image's id, so that every arm and every run sees the same LR pixels;
            None draws afresh each time, for training.

    Raises:
        ValueError: As ``Degradation``.
    """

    def __init__(
        self,
        scale: int,
        recipe: str = "matlab_bicubic",
        blur_sigma: tuple[float, float] | None = None,
        blur_shape: Literal["iso", "aniso"] = "aniso",
        noise_sigma: tuple[float, float] | None = None,
        jpeg_quality: tuple[int, int] | None = None,
        seed: int | None = 0,
    ) -> None:
        self.degradation = Degradation(
            scale, recipe, blur_sigma, blur_shape, noise_sigma, jpeg_quality
        )
        self.seed = seed

    def transform(self, results: dict) -> dict:
        """Fill ``lr``, ``lr_shape`` and ``lr_recipe``."""
        hr = results["img"]
        if hr.dtype != np.uint8:  # photometric transforms leave floats
            levels = np.clip(np.rint(hr), 0, 255)
            hr = levels.astype(np.uint8)
            results["img"] = hr
        seed = self._seed(results)
        lr = self._degraded(hr, seed)
        results["lr"] = lr
        results["lr_shape"] = lr.shape[:2]
        results["lr_recipe"] = self.degradation.name
        results["has_hr"] = True
        note_partner(results)
        return results

    def _degraded(self, hr: np.ndarray, seed: int) -> np.ndarray:
        """(H, W, 3) to (H/s, W/s, 3), both uint8 BGR."""
        rgb = np.ascontiguousarray(hr[..., ::-1])
        batch = torch.from_numpy(rgb).permute(2, 0, 1)[None]
        lr = self.degradation(to_unit(batch), [seed])
        pixels = to_bytes(lr[0]).permute(1, 2, 0)
        bgr = pixels.numpy()[..., ::-1]
        return np.ascontiguousarray(bgr)

    def _seed(self, results: dict) -> int:
        if self.seed is None:
            return int(np.random.randint(2**31))
        return image_seed(f"{self.seed}:{results.get('img_id', results.get('img_path'))}")


@TRANSFORMS.register_module()
class NativeLR(BaseTransform):
    """The image is LR already.

    It is what the editor sees, and its frame is the frame of the annotations.
    """

    def transform(self, results: dict) -> dict:
        """Fill ``lr`` and ``lr_shape``."""
        results["lr"] = results["img"]
        results["lr_shape"] = results["img"].shape[:2]
        results["has_hr"] = False
        note_partner(results)
        return results


@TRANSFORMS.register_module()
class FeedHR(BaseTransform):
    """Feed the HR pixels after ``SimulateLR``: the oracle arm.

    ``lr_shape`` stays, so that objects are binned by the sizes that the sensor of the other arms
    saw.
    """

    def transform(self, results: dict) -> dict:
        """Replace ``lr`` by ``img``.

        Raises:
            KeyError: No transform before it made an LR image.
        """
        if "lr_shape" not in results:
            raise KeyError("mmisr.FeedHR must stand after mmisr.SimulateLR, which sets `lr_shape`")
        results["lr"] = results["img"]
        return results
