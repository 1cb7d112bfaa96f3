"""Patches of a test set, always the same, that networks are compared on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
from torch import Tensor

from mmisr.structures.frames import hw_of

SEED = 0
"""Of the choice of patches."""

ENOUGH = 10
"""Patches to choose each one from: images beyond these are not read."""

LEVEL = 1 / 255
"""One step of 8 bits: a patch that varies by less shows nothing."""


@dataclass(frozen=True)
class Patch:
    """A square cut out of an image.

    Args:
        image: Name of the image's file.
        top: First row, in pixels of the image that the network sees.
        left: First column.
        pixels: (3, side, side) RGB in [0, 1].
    """

    image: str
    top: int
    left: int
    pixels: Tensor


def choose_patches(images: Iterable[tuple[str, Tensor]], side: int, count: int) -> list[Patch]:
    """Choose patches that do not overlap, by a seed.

    Args:
        images: Name and (3, h, w) RGB in [0, 1] of each; read until there are ten times as many
            patches as are wanted.
        side: Of a patch in pixels.
        count: How many are wanted.

    Returns:
        The patches, in the order of the images; one that is constant is never taken.

    Raises:
        ValueError: The side is below 8, fewer than two are wanted, or the images hold fewer.
    """
    if side < 8 or count < 2:
        raise ValueError(
            "patches must be at least 8 pixels wide, and at least two, one for each content; got "
            f"side={side} and {count} patches"
        )
    there: list[Patch] = []
    constant = 0
    largest = (0, 0)
    for name, image in images:
        if len(there) >= ENOUGH * count:
            break
        largest = max(largest, hw_of(image), key=min)
        for patch in _cut(name, image, side):
            if _is_constant(patch.pixels):
                constant += 1
            else:
                there.append(patch)
    if len(there) < count:
        height, width = largest
        raise ValueError(
            f"{count} patches of {side}x{side} that do not overlap are wanted, and the images hold "
            f"{len(there)} ({constant} more are constant: one colour shows nothing); the largest "
            f"image has {width}x{height} pixels. Take a smaller side, fewer patches (at least 2), "
            "or more images"
        )
    rng = np.random.default_rng(SEED)
    order = rng.permutation(len(there))
    chosen = sorted(order[:count].tolist())
    return [there[index] for index in chosen]


def _is_constant(pixels: Tensor) -> bool:
    brightest = pixels.amax((1, 2))
    darkest = pixels.amin((1, 2))
    spread = brightest - darkest
    return float(spread.max()) < LEVEL


def _cut(name: str, image: Tensor, side: int) -> list[Patch]:
    """The squares of a grid that begins at the image's corner."""
    height, width = hw_of(image)
    last_top = height - side
    last_left = width - side
    tops = range(0, last_top + 1, side)
    lefts = range(0, last_left + 1, side)
    patches = []
    for top, left in product(tops, lefts):
        rows = image.narrow(1, top, side)
        pixels = rows.narrow(2, left, side)
        patch = Patch(name, top, left, pixels)
        patches.append(patch)
    return patches
