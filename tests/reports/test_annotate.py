"""Boxes and words on pictures."""

import numpy as np
import pytest

from mmisr.reports.annotate import annotate


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
