import numpy as np
import pytest
import torch

from mmisr.reports.pictures import (
    EXIT_COLOURS,
    FOUND,
    GAP,
    TITLE,
    Panel,
    exit_colours,
    strip,
    to_uint8,
)
from mmisr.structures.sr_result import RoutingMap


def grey(h, w):
    return np.full((h, w, 3), 100, dtype=np.uint8)


def test_panels_stand_side_by_side_at_one_height():
    picture = strip([Panel("a", grey(10, 20)), Panel("b", grey(40, 40))], height=80)
    assert picture.size == (160 + 80 + 3 * GAP, 80 + TITLE + GAP)


def test_boxes_are_drawn_at_the_pictures_scale():
    panel = Panel("a", grey(20, 20), found_xyxy=np.array([[5.0, 5.0, 15.0, 15.0]]))
    pixels = np.asarray(strip([panel], height=40))
    assert tuple(pixels[TITLE + 10, GAP + 20]) == FOUND
    assert tuple(pixels[TITLE + 20, GAP + 20]) == (100, 100, 100)


def test_routing_tints_its_own_tokens():
    routing = RoutingMap(torch.tensor([[[0, 2]]]), token_size=8)
    pixels = np.asarray(strip([Panel("a", grey(32, 64), routing=routing)], height=32)).astype(int)
    easy, hard = pixels[TITLE + 16, GAP + 8], pixels[TITLE + 16, GAP + 56]
    assert np.ptp(easy) == 0
    assert hard[0] - hard[1] > 40  # pink: far more red than green
    assert EXIT_COLOURS[2][0] > EXIT_COLOURS[2][1]


def test_what_was_not_searched_is_dark():
    searched = np.array([[0.0, 0.0, 8.0, 20.0], [8.0, 0.0, 12.0, 10.0]])
    panel = Panel("a", grey(20, 20), searched_xyxy=searched)
    pixels = np.asarray(strip([panel], height=40))[TITLE : TITLE + 40, GAP : GAP + 40, 0]
    expected = np.zeros((40, 40), bool)
    expected[:, :16] = True
    expected[:20, 16:24] = True
    assert ((pixels == 100) == expected).all()
    assert pixels[~expected].max() < 50
    nothing = Panel("a", grey(20, 20), searched_xyxy=np.zeros((0, 4)))
    assert np.asarray(strip([nothing], height=20))[TITLE : TITLE + 20, GAP : GAP + 20].max() < 50


def test_more_than_three_exits_have_a_colour_each():
    names = tuple(f"steps_{count}" for count in range(7))
    routing = RoutingMap(torch.arange(7)[None, None], token_size=8, exit_names=names)
    panel = Panel("a", grey(28, 196), routing=routing)
    pixels = np.asarray(strip([panel], height=28))
    seen = {tuple(pixels[TITLE + 14, GAP + 14 + 28 * n]) for n in range(7)}
    assert len(seen) == 7
    assert exit_colours(7)[0].tolist() == [0, 0, 0]
    assert exit_colours(7)[[1, 6]].tolist() == [list(c) for c in EXIT_COLOURS[1:]]
    assert exit_colours(2).tolist()[:2] == [list(c) for c in EXIT_COLOURS[:2]]


def test_degenerate_boxes_are_left_out():
    panel = Panel("a", grey(20, 20), truth_xyxy=np.array([[5.0, 5.0, 5.0, 15.0]]))
    assert (np.asarray(strip([panel], height=20))[TITLE : TITLE + 20, GAP : GAP + 20] == 100).all()


def test_to_uint8_rounds_and_clips():
    image = np.array([-0.1, 0.5, 1.2]).reshape(3, 1, 1)
    assert to_uint8(image).tolist() == [[[0, 128, 255]]]


def test_no_panel_is_an_error():
    with pytest.raises(ValueError, match="at least one panel"):
        strip([])
