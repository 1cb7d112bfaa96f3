"""Transforms that give every sample its LR image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmisr.degradation.corruptions import corruption as corruption_of
from mmisr.degradation.mixes import MIXES, mix
from mmisr.degradation.pipeline import Pipeline
from mmisr.degradation.recipes import BY_NAME, Degradation
from mmisr.degradation.steps.base import build_steps
from mmisr.openmmlab.samples import image_seed
from mmisr.openmmlab.transforms import BaseTransform
from mmisr.ops.motion import note_partner
from mmisr.registry import TRANSFORMS
from mmisr.structures.pixels import to_bytes, to_unit

Degrade = Callable[[Tensor, Sequence[int]], Tensor]
"""A batch and a seed for each image to its LR images, all RGB in [0, 1]."""
DEFAULT_RECIPE = "matlab_bicubic"


@TRANSFORMS.register_module()
class SimulateLR(BaseTransform):
    """Make the LR image from the HR image.

    HR stays in ``img``, LR goes to ``lr`` (both (., ., 3) uint8 BGR).

    A recipe with what is added to it (the arguments up to ``jpeg_quality``, those of
    :class:`mmisr.degradation.recipes.Degradation`), or a mix by its name, or steps.

    Args:
        scale: Reduction factor.
        recipe: ``matlab_bicubic``, which is the default, ``torch_bicubic_noaa``, ``cv2_area``, a
            test condition of COCO-d (``coco_d_...``), ``linear_noise``; or a mix:
            ``cajnn``, ``cajnn_twice``, ``real_esrgan``, ``aeris``, ``sr4ir``.
        blur_sigma: Range of the blur before, in HR pixels.
        blur_shape: ``iso`` or ``aniso``.
        noise_sigma: Range of the noise after, on the 0..255 scale.
        jpeg_quality: Range of the JPEG quality at the end.
        seed: Combined with the image's id, so that every arm and every run sees the same LR pixels;
            None draws afresh each time, for training.
        steps: Configs of the steps from HR to LR, in their order, in place of a recipe.

    Raises:
        ValueError: As ``Degradation``, a step is wrong, or more than one of recipe, what is added
            to one, and steps says what is to be done.
        ImportError: What a step needs is not installed.
    """

    def __init__(
        self,
        scale: int,
        recipe: str | None = None,
        blur_sigma: tuple[float, float] | None = None,
        blur_shape: Literal["iso", "aniso"] = "aniso",
        noise_sigma: tuple[float, float] | None = None,
        jpeg_quality: tuple[int, int] | None = None,
        seed: int | None = 0,
        steps: list[dict] | None = None,
    ) -> None:
        added = {
            "blur_sigma": blur_sigma,
            "noise_sigma": noise_sigma,
            "jpeg_quality": jpeg_quality,
        }
        is_whole = steps is not None or recipe in MIXES
        if is_whole:
            _check_alone(recipe, steps, added)
        self.degradation: Degradation | Pipeline
        if steps is not None:
            self.degradation = Pipeline(scale, build_steps(steps))
        elif recipe in MIXES:
            self.degradation = mix(str(recipe), scale)
        else:
            self.degradation = _recipe(scale, recipe, blur_shape, added)
        self.seed = seed

    def transform(self, results: dict) -> dict:
        """Fill ``lr``, ``lr_shape`` and ``lr_recipe``."""
        hr = results["img"]
        if hr.dtype != np.uint8:  # photometric transforms leave floats
            levels = np.clip(np.rint(hr), 0, 255)
            hr = levels.astype(np.uint8)
            results["img"] = hr
        seed = self._seed(results)
        lr = degraded(hr, self.degradation, seed)
        results["lr"] = lr
        results["lr_shape"] = lr.shape[:2]
        results["lr_recipe"] = self.degradation.name
        results["has_hr"] = True
        note_partner(results)
        return results

    def _seed(self, results: dict) -> int:
        if self.seed is None:
            return int(np.random.randint(2**31))
        return image_seed(f"{self.seed}:{_image(results)}")


def _check_alone(recipe: str | None, steps: list[dict] | None, added: dict[str, Any]) -> None:
    """See that a mix or steps are all that says what is to be done."""
    if recipe is not None and steps is not None:
        raise ValueError(
            f"SimulateLR: give recipe or steps, got both: recipe={recipe!r} and {len(steps)} steps"
        )
    given = [name for name, value in added.items() if value is not None]
    if given:
        what = "steps" if steps is not None else f"recipe {recipe!r}"
        raise ValueError(
            f"SimulateLR: {what} must say all that happens, got {', '.join(given)} too; make steps "
            "of them: dict(type='Blur', ...), dict(type='GaussianNoise', ...), "
            "dict(type='JPEG', ...)"
        )


def _recipe(
    scale: int, recipe: str | None, blur_shape: Literal["iso", "aniso"], added: dict[str, Any]
) -> Degradation:
    """A recipe with what is added to it."""
    name = recipe or DEFAULT_RECIPE
    known = sorted([*BY_NAME, *MIXES])
    if name not in known:
        raise ValueError(f"recipe must be one of {known}, got {recipe!r}")
    return Degradation(scale, name, blur_shape=blur_shape, **added)


def degraded(bgr: NDArray[np.uint8], degrade: Degrade, seed: int) -> NDArray[np.uint8]:
    """Degrade an image as arrays have it.

    Args:
        bgr: (H, W, 3) uint8.
        degrade: What is done to it.
        seed: What it is drawn by.

    Returns:
        (h, w, 3) uint8 BGR.
    """
    rgb = bgr[..., ::-1].copy()  # contiguous, and writable whoever read it
    batch = torch.from_numpy(rgb).permute(2, 0, 1)[None]
    lr = degrade(to_unit(batch), [seed])
    pixels = to_bytes(lr[0]).permute(1, 2, 0)
    flipped = pixels.numpy()[..., ::-1]
    return np.ascontiguousarray(flipped)


def corruption_seed(seed: int, image: Any) -> int:
    """What a corruption is drawn by: another draw than that of the LR image.

    Args:
        seed: Of the run.
        image: Id or path of the image.
    """
    return image_seed(f"corrupt:{seed}:{image}")


def _image(results: dict) -> Any:
    """What an image is known by."""
    return results.get("img_id", results.get("img_path"))


@TRANSFORMS.register_module()
class CorruptLR(BaseTransform):
    """Corrupt the LR image, after the transform that made it; its size and HR stay.

    Args:
        corruption: A name of :data:`mmisr.degradation.corruptions.CORRUPTIONS`.
        severity: 1 to 5; 0 changes nothing.
        seed: Combined with the image's id; the same at every severity, so that these differ by
            their strength alone.

    Raises:
        ValueError: There is no such corruption or severity.
        ImportError: What it needs is not installed.
    """

    def __init__(self, corruption: str, severity: int, seed: int = 0) -> None:
        self.corruption = corruption_of(corruption, severity)
        self.seed = seed

    def transform(self, results: dict) -> dict:
        """Replace ``lr``, and name the corruption in ``lr_recipe``.

        Raises:
            KeyError: No transform before it made an LR image.
        """
        if "lr" not in results:
            raise KeyError(
                "mmisr.CorruptLR must stand after mmisr.SimulateLR, mmisr.NativeLR or "
                "mmisr.PairedLR, which set `lr`"
            )
        seed = corruption_seed(self.seed, _image(results))
        results["lr"] = degraded(results["lr"], self.corruption, seed)
        before = results.get("lr_recipe", "native")
        results["lr_recipe"] = f"{before}+{self.corruption.name}"
        return results


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
    """Feed the HR pixels after ``SimulateLR`` or ``PairedLR``: the oracle arm.

    ``lr_shape`` stays, so that objects are binned by the sizes that the sensor of the other arms
    saw.
    """

    def transform(self, results: dict) -> dict:
        """Replace ``lr`` by the HR image.

        Raises:
            KeyError: No transform before it made an LR image.
        """
        if "lr_shape" not in results:
            raise KeyError(
                "mmisr.FeedHR must stand after mmisr.SimulateLR or mmisr.PairedLR, which set "
                "`lr_shape`"
            )
        results["lr"] = results.get("hr", results["img"])
        return results
