"""Boxes and words on pictures."""

import numpy as np
import pytest
from pycocotools import mask as coco_masks

from mmisr.reports.annotate import TINT, annotate, tinted


@pytest.mark.parametrize(("side", "has_text"), [(10, False), (90, True)])
def test_words_stand_in_boxes_that_hold_them(side, has_text):
    black = np.zeros((100, 100, 3), np.uint8)
    box = np.array([[2.0, 2.0, 2.0 + side, 2.0 + side]])
    drawn = annotate(black, box, [0], ["tree 0.63"], [(9, 200, 30)])
    assert tuple(drawn[2, 5]) == tuple(drawn[side + 1, 5]) == (9, 200, 30)
    assert not drawn[side + 2 :].any()
    assert drawn[4:side, 4:side].any() == has_text
    assert not black.any()


def test_no_boxes_draw_nothing():
    image = np.full((5, 5, 3), 7, np.uint8)
    assert (annotate(image, np.zeros((0, 4)), [], [], []) == image).all()
    with pytest.raises(ValueError, match="got 0 boxes, 1 labels"):
        annotate(image, np.zeros((0, 4)), [0], [], [])


def test_masks_are_tinted_at_the_size_of_the_picture():
    picture = np.full((20, 30, 3), 100, np.uint8)
    masks = np.zeros((2, 10, 15), dtype=bool)
    masks[1, 2:4, 3:8] = True
    drawn = tinted(picture, masks, [0, 1], [(0, 0, 0), (200, 100, 0)])
    runs = coco_masks.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8)))
    assert (tinted(picture, runs, [0, 1], [(0, 0, 0), (200, 100, 0)]) == drawn).all()
    expected = np.array([100 + TINT * 100, 100, 100 - TINT * 100])
    assert (drawn[4:8, 6:16] == expected).all()
    drawn[4:8, 6:16] = 100
    assert (drawn == picture).all()
    assert tinted(picture, None, [], []) is picture
