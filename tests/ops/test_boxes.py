"""Verbs for xyxy boxes: tables whose first row is the empty array, alike in torch and numpy."""

import numpy as np
import pytest
import torch

from mmisr.ops.boxes import area, centers, clip, grow, inside, to_xywh, widths_heights

BOX = [1.0, 2.0, 4.0, 10.0]
EMPTY = np.zeros((0, 4))
TABLE = [
    (widths_heights, (), EMPTY, np.zeros((0, 2))),
    (widths_heights, (), [BOX], [[3, 8]]),
    (centers, (), EMPTY, np.zeros((0, 2))),
    (centers, (), [BOX], [[2.5, 6]]),
    (area, (), EMPTY, np.zeros(0)),
    (area, (), [BOX, [3, 3, 3, 9]], [24, 0]),
    (clip, ((8, 6),), EMPTY, EMPTY),
    (clip, ((8, 6),), [BOX, [-1, -2, 7, 9]], [[1, 2, 4, 8], [0, 0, 6, 8]]),
    (clip, ((8, 6),), [[7, 9, 9, 12], [-4, -4, -1, -1]], [[6, 8, 6, 8], [0, 0, 0, 0]]),
    (grow, (0.5,), EMPTY, EMPTY),
    (grow, (-1,), [BOX], [[2, 3, 3, 9]]),
    (inside, ((0, 0, 4, 10),), EMPTY, np.zeros(0, bool)),
    (inside, ((0, 0, 4, 10),), [BOX, [1, 2, 4.1, 10], [-0.1, 2, 4, 10]], [True, False, False]),
    (to_xywh, (), EMPTY, EMPTY),
    (to_xywh, (), [BOX], [[1, 2, 3, 8]]),
]


@pytest.mark.parametrize("kind", ["numpy", "float32", "float64"])
@pytest.mark.parametrize(("verb", "more", "xyxy", "right"), TABLE)
def test_table(kind, verb, more, xyxy, right):
    boxes = np.asarray(xyxy, float)
    if kind != "numpy":
        boxes = torch.as_tensor(boxes, dtype=getattr(torch, kind))
    result = verb(boxes, *more)
    assert type(result) is type(boxes)
    np.testing.assert_allclose(np.asarray(result), right, rtol=1e-6)


def test_boxes_may_have_axes_before_the_last():
    stacked = torch.tensor(BOX).expand(2, 3, 4)
    assert area(stacked).shape == (2, 3)
    assert clip(stacked, (8, 6)).shape == (2, 3, 4)
    assert to_xywh(stacked)[1, 2].tolist() == [1, 2, 3, 8]


def test_nothing_is_changed_in_place():
    boxes = np.array([BOX])
    clip(boxes, (1, 1))
    grow(boxes, 3)
    assert boxes.tolist() == [BOX]
