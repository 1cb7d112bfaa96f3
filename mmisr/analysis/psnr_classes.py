"""Sort the patches of a data set by how well an editor recovers them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from mmisr.datasets.patch_classes import PatchClasses, lr_corners
from mmisr.openmmlab.editor import SREditor
from mmisr.openmmlab.samples import hr_pixels
from mmisr.ops.psnr import psnr_of_levels
from mmisr.ops.tiling import Tiling
from mmisr.structures.frames import hw_of
from mmisr.structures.pixels import to_bytes, to_unit

PATCHES_PER_PASS = 64

Scored = dict[str, tuple[list[tuple[int, int]], list[float]]]
"""By image id: first row and column of each patch in LR pixels, and its PSNR in dB."""


@torch.no_grad()
def score_patches(
    editor: SREditor, samples: Iterable[dict[str, Any]], size: int, stride: int
) -> Scored:
    """PSNR of every patch of some images, each super-resolved by itself.

    Source: ClassSR, section 3.3: there by MSRResNet, patches of 32 every 16 LR pixels, PSNR of
    8-bit RGB over the whole patch.

    Args:
        editor: The scoring network, in evaluation.
        samples: Of whole images, as a pipeline packs them, with HR.
        size: Side of a patch in LR pixels.
        stride: LR pixels from one to the next.

    Raises:
        ValueError: A sample has no HR image.
    """
    scored: Scored = {}
    device = next(iter(editor.state_dict().values()), torch.zeros(0)).device
    for sample in samples:
        data = sample["data_samples"]
        lr = to_unit(sample["inputs"])[None]
        hr = hr_pixels(data)
        if hr is None:
            raise ValueError(
                f"image {data.get('img_id')!r} has no HR image to be compared with; simulate LR "
                "with mmisr.SimulateLR"
            )
        corners = lr_corners(hw_of(lr), size, stride)
        values: list[float] = []
        if corners:
            values = _psnr_of_patches(editor, lr.to(device), hr, (size, stride))
        scored[str(data.get("img_id"))] = (corners, values)
    return scored


def _psnr_of_patches(
    editor: SREditor, lr: Tensor, hr: Tensor, tiling: tuple[int, int]
) -> list[float]:
    cut = Tiling(*tiling)
    scale = editor.info.scale
    patches = cut.split(lr)
    targets = cut.split(hr[None], scale)
    passes = patches.split(PATCHES_PER_PASS)
    targets_of = targets.split(PATCHES_PER_PASS)
    values: list[float] = []
    for some, target in zip(passes, targets_of, strict=True):
        image = editor.upscale(some).image
        sr = to_bytes(image).cpu()
        scores = psnr_of_levels(sr, target)
        values += scores.tolist()
    return values


def values_of(scored: Scored) -> list[float]:
    """PSNR of all patches of all images.

    Args:
        scored: See :func:`score_patches`.
    """
    values: list[float] = []
    for _, of_image in scored.values():
        values += of_image
    return values


def equal_thresholds(values: Sequence[float], num_classes: int) -> list[float]:
    """PSNR at which as many patches fall into every class.

    Args:
        values: PSNR of all patches.
        num_classes: How many classes.

    Returns:
        ``num_classes - 1`` values, ascending.

    Raises:
        ValueError: There are fewer patches than classes.

    Example:
        >>> equal_thresholds([20.0, 30.0, 40.0], 3)
        [30.0, 40.0]
    """
    if len(values) < num_classes:
        raise ValueError(
            f"{num_classes} classes need at least as many patches, and the data has {len(values)}; "
            "its images must be at least a patch on each side"
        )
    ranked = sorted(values)
    return [ranked[len(ranked) * number // num_classes] for number in range(1, num_classes)]


def classify_patches(
    scored: Scored, thresholds: Sequence[float], scale: int, size: int
) -> PatchClasses:
    """The class of every patch: 0, the easiest, from the highest threshold on.

    Args:
        scored: See :func:`score_patches`.
        thresholds: PSNR in dB, ascending; a patch at one belongs to the easier class.
        scale: Factor between LR and HR.
        size: Side of a patch in LR pixels.
    """
    images: dict[str, list[list[int]]] = {}
    for image_id, entry in scored.items():
        rows = []
        for corner, value in zip(*entry, strict=True):
            y, x = corner
            below = [value < threshold for threshold in thresholds]
            of_class = sum(below)
            row = [y, x, of_class]
            rows.append(row)
        images[image_id] = rows
    return PatchClasses(scale, size, list(thresholds), images)
