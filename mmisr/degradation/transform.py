"""Transforms that give every sample its LR image."""

from __future__ import annotations

import numpy as np
import torch

from mmisr.degradation.recipes import Degradation
from mmisr.openmmlab.editor import image_seed
from mmisr.openmmlab.transforms import BaseTransform
from mmisr.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SimulateLR(BaseTransform):
    """Make the LR image from the HR image; HR stays in ``img``, LR goes to ``lr`` (both (., ., 3) uint8 BGR).

    Args:
        scale: Reduction factor.
        recipe: See :data:`mmisr.degradation.recipes.RECIPES`.
        blur_sigma: See :class:`mmisr.degradation.recipes.Degradation`.
        noise_sigma: Likewise.
        jpeg_quality: Likewise.
        seed: Combined with the image's id, so that every arm and every run sees the same LR pixels; None draws afresh
            each time, for training.

    Raises:
        ValueError: As ``Degradation``.
    """

    def __init__(
        self,
        scale: int,
        recipe: str = "matlab_bicubic",
        blur_sigma: tuple[float, float] | None = None,
        noise_sigma: tuple[float, float] | None = None,
        jpeg_quality: tuple[int, int] | None = None,
        seed: int | None = 0,
    ) -> None:
        self.degradation = Degradation(scale, recipe, blur_sigma, noise_sigma, jpeg_quality)
        self.seed = seed

    def transform(self, results: dict) -> dict:
        """Fill ``lr``, ``lr_shape`` and ``lr_recipe``."""
        bgr = torch.from_numpy(np.ascontiguousarray(results["img"])).permute(2, 0, 1)
        lr = self.degradation(bgr.flip(0)[None].float() / 255, [self._seed(results)])[0]
        pixels = (lr * 255).round().to(torch.uint8).flip(0).permute(1, 2, 0)
        results["lr"] = np.ascontiguousarray(pixels.numpy())
        results["lr_shape"] = results["lr"].shape[:2]
        results["lr_recipe"] = self.degradation.name
        results["has_hr"] = True
        return results

    def _seed(self, results: dict) -> int:
        if self.seed is None:
            return int(np.random.randint(2**31))
        return image_seed(f"{self.seed}:{results.get('img_id', results.get('img_path'))}")


@TRANSFORMS.register_module()
class NativeLR(BaseTransform):
    """The image is LR already: it is what the editor sees, and its frame is the frame of the annotations."""

    def transform(self, results: dict) -> dict:
        """Fill ``lr`` and ``lr_shape``."""
        results["lr"] = results["img"]
        results["lr_shape"] = results["img"].shape[:2]
        results["has_hr"] = False
        return results


@TRANSFORMS.register_module()
class FeedHR(BaseTransform):
    """Feed the HR pixels after ``SimulateLR``: the oracle arm. ``lr_shape`` stays, so size bins are those of every arm."""

    def transform(self, results: dict) -> dict:
        """Replace ``lr`` by ``img``.

        Raises:
            KeyError: No transform before it made an LR image.
        """
        if "lr_shape" not in results:
            raise KeyError("mmisr.FeedHR must stand after mmisr.SimulateLR, which sets `lr_shape`")
        results["lr"] = results["img"]
        return results
