"""Masks of mmdet's two kinds: as pixels, and turned as images are."""

import numpy as np
import pytest
import torch

from mmisr.openmmlab.masks import BitmapMasks, PolygonMasks, bitmaps, bool_masks, turned_masks

PIXELS = np.zeros((2, 6, 9), dtype=np.uint8)
PIXELS[0, 1:4, 2:7] = 1
PIXELS[1, 0:6, 8:9] = 1
POLYGONS = [
    [np.array([2.0, 1, 7, 1, 7, 4, 2, 4])],
    [np.array([8.0, 0, 9, 0, 9, 3, 8, 3]), np.array([8.0, 3, 9, 3, 9, 6, 8, 6])],
]
KINDS = {"bitmaps": BitmapMasks(PIXELS, 6, 9), "polygons": PolygonMasks(POLYGONS, 6, 9)}


@pytest.mark.parametrize(
    "masks", [*KINDS.values(), PIXELS, torch.from_numpy(PIXELS)], ids=[*KINDS, "array", "tensor"]
)
def test_every_kind_gives_the_same_pixels(masks):
    pixels = bool_masks(masks)
    assert pixels.dtype == torch.bool
    np.testing.assert_array_equal(pixels, PIXELS > 0)


@pytest.mark.parametrize("masks", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_masks_turn_as_images_do(masks, times):
    turned = masks
    for _ in range(times):
        turned = turned_masks(turned)
    expected = np.rot90(PIXELS, times, axes=(1, 2))
    assert type(turned) is type(masks)
    assert (turned.height, turned.width) == expected.shape[1:]
    np.testing.assert_array_equal(bool_masks(turned), expected > 0)
    np.testing.assert_array_equal(bool_masks(masks), PIXELS > 0)


@pytest.mark.parametrize("masks", [BitmapMasks([], 6, 9), PolygonMasks([], 6, 9)])
def test_no_masks(masks):
    assert bool_masks(turned_masks(masks)).shape == (0, 9, 6)


@pytest.mark.parametrize("masks", [*KINDS.values(), PIXELS > 0], ids=[*KINDS, "array"])
def test_bitmaps_of_another_size_are_those_of_every_kind(masks):
    made = bitmaps(masks, (12, 18))
    assert type(made) is BitmapMasks
    assert (made.height, made.width) == (12, 18)
    np.testing.assert_array_equal(made.masks, PIXELS.repeat(2, 1).repeat(2, 2))
    assert bitmaps(PIXELS[:0], (3, 4)).masks.shape == (0, 3, 4)
