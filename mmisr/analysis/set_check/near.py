"""Images that look alike, by a perceptual hash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

BOX = Image.Resampling.BOX
THUMBNAIL = (32, 32)
WAVES = 8
"""Size of the grey thumbnail, and side of the square of its lowest waves."""

DRAFT = (128, 128)
"""A JPEG is decoded at an eighth of its size, but no smaller than this."""

NEAR = 10
"""Bits of 63 by which near duplicates may differ.

Neighbouring frames of the two vehicle sets and the tiles of the trees say so: frames of one flight
differ from their nearest by 6 bits at most, images of other places by 20 at least.
"""

BLOCK = 512
"""Images that are compared with all others at once."""


@dataclass(frozen=True)
class NearDuplicate:
    """An image that looks like one of another set.

    Args:
        name: Its file.
        like: The file of the other set that is nearest to it.
        bits: By how many of 63 bits the two differ.
    """

    name: str
    like: str
    bits: int


def image_hash(image: Image.Image) -> NDArray[np.bool_]:
    """What an image looks like from afar, in 63 bits.

    Source: the DCT hash of Zauner, "Implementation and Benchmarking of Perceptual Image Hash
    Functions", 2010: the lowest waves of a grey thumbnail, each above or below their median. The
    constant wave is left out, so that brightness does not count.

    Args:
        image: As Pillow opened it; a JPEG that is not decoded yet is decoded small.

    Returns:
        (63,) bits.

    Example:
        >>> image_hash(Image.new("RGB", (64, 48))).shape
        (63,)
    """
    image.draft("L", DRAFT)
    grey = image.convert("L")
    small = grey.resize(THUMBNAIL, BOX)
    levels = np.array(small, dtype=np.float32)
    waves = cv2.dct(levels)
    low = waves[:WAVES, :WAVES]
    flat = low.flatten()
    # The first is the constant wave.
    values = flat[1:]
    middle = np.median(np.asarray(values))
    return np.asarray(values > middle)


def near_duplicates(
    names: Sequence[str],
    hashes: NDArray[np.bool_],
    other_names: Sequence[str],
    other_hashes: NDArray[np.bool_],
    near: int = NEAR,
) -> list[NearDuplicate]:
    """The images that look like one of another set, the most alike first.

    Args:
        names: N files.
        hashes: (N, 63) bits.
        other_names: M files of the other set.
        other_hashes: (M, 63) bits.
        near: Bits by which two may differ.

    Returns:
        Each image at most once, with the nearest of the other set.
    """
    count = min(len(names), len(other_names))
    if count == 0:
        return []
    others = _signs(other_hashes)
    alike = []
    for start in range(0, len(names), BLOCK):
        end = start + BLOCK
        block = names[start:end]
        looks = hashes[start:end]
        nearest = _nearest(looks, others)
        for name, (place, bits) in zip(block, nearest, strict=True):
            if bits > near:
                continue
            like = other_names[place]
            pair = NearDuplicate(name, like, bits)
            alike.append(pair)
    return sorted(alike, key=lambda pair: pair.bits)


def _nearest(hashes: NDArray[np.bool_], others: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Which of the others is nearest to each, and by how many bits the two differ."""
    signs = _signs(hashes)
    # Equal bits add one, different ones take one away.
    agreement = signs @ others.T
    length = signs.shape[1]
    for row in agreement:
        place = row.argmax()
        best = row[place]
        twice = length - best
        yield int(place), int(twice) // 2


def _signs(hashes: NDArray[np.bool_]) -> NDArray[np.float32]:
    """1 for a bit that is set, -1 for one that is not."""
    return np.where(hashes, np.float32(1), np.float32(-1))
