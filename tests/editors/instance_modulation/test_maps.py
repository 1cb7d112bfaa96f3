"""Instance maps, by hand: frames, edges, overlaps, borders, masks."""

import math

import pytest
import torch
from scipy.ndimage import distance_transform_edt

from mmisr.editors.instance_modulation.maps import REACH, instance_map
from mmisr.structures.hints import Found, nothing_found


def found(boxes, scores=None, masks=None) -> Found:
    xyxy = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    count = len(xyxy)
    given = torch.ones(count) if scores is None else torch.tensor(scores)
    return Found(xyxy, given, torch.zeros(count, dtype=torch.long), masks)


def test_convention_a_box_covers_pixels_by_their_corners():
    """A box from 2 to 6 covers pixels 2 to 5 whole, and their centres are at 2.5 to 5.5."""
    objectness, distance, side = instance_map(found([[2, 0, 6, 4]], [0.5]), (4, 9))
    expected = torch.tensor([0, 0, 0.5, 0.5, 0.5, 0.5, 0, 0, 0])
    assert torch.equal(objectness, expected.expand(4, 9))
    of_row_1 = torch.tensor([-1.5, -0.5, 0.5, 1.5, 1.5, 0.5, -0.5, -1.5, -2.5]) / 8
    torch.testing.assert_close(distance[1], of_row_1)
    torch.testing.assert_close(side, (expected > 0).float().expand(4, 9) * math.log(4) / 5)


def test_edges_between_pixels_are_soft():
    """A box from 0.75 to 2.5 covers a quarter, all and half; rows from 1 to 1.5 are half."""
    objectness, distance, _ = instance_map(found([[0.75, 1, 2.5, 1.5]], [0.8]), (3, 4))
    expected = torch.tensor([[0.0, 0, 0, 0], [0.1, 0.4, 0.2, 0], [0, 0, 0, 0]])
    torch.testing.assert_close(objectness, expected)
    # The centre of pixel (1, 1) is (1.5, 1.5), on the lower edge.
    assert distance[1, 1] == 0
    # That of (0, 1) is 0.5 above the upper edge; of (2, 3), 1 down and 1 right of the corner.
    assert float(distance[0, 1]) == pytest.approx(-0.5 / 8)
    assert float(distance[2, 3]) == pytest.approx(-math.sqrt(2) / 8)


def test_the_distance_is_clipped_at_eight_pixels():
    """To both sides: 30 pixels are deeper and wider than that."""
    _, distance, _ = instance_map(found([[20, 20, 50, 50]]), (70, 70))
    assert distance[35, 35] == 1
    assert distance[0, 0] == -1
    assert float(distance[35, 27]) == pytest.approx(7.5 / 8)
    assert float(distance[35, 12]) == pytest.approx(-7.5 / 8)
    assert distance[35, 11] == -1
    assert distance[35, 28] == 1
    assert distance[12, 12] == -1  # 7.5 pixels off on both axes
    assert distance.abs().max() == 1


def test_of_two_overlapping_boxes_the_stronger_counts_and_every_edge_does():
    boxes = [[0, 0, 6, 3], [4, 0, 12, 3]]
    objectness, distance, side = instance_map(found(boxes, [0.9, 0.4]), (3, 12))
    first, second = math.log(math.sqrt(18)) / 5, math.log(math.sqrt(24)) / 5
    row = objectness[1].tolist()
    assert row == pytest.approx([0.9] * 6 + [0.4] * 6)
    assert side[1].tolist() == pytest.approx([first] * 6 + [second] * 6)
    # Pixels 4 and 5 lie in both: half a pixel from an edge each, of the second and of the first.
    expected = [0.5, 1.5, 1.5, 0.5, 0.5, 0.5, 0.5, 1.5, 1.5, 1.5, 1.5, 0.5]
    assert (distance[1] * 8).tolist() == pytest.approx(expected)
    other_order = instance_map(found(boxes[::-1], [0.4, 0.9]), (3, 12))
    assert torch.equal(other_order, torch.stack([objectness, distance, side]))


def test_a_box_at_the_border_ends_there():
    inside = instance_map(found([[0, 0, 3, 4]]), (4, 6))
    across = instance_map(found([[-5, -2, 3, 9]]), (4, 6))
    assert torch.equal(across, inside)
    assert float(inside[1, 1, 0]) == pytest.approx(0.5 / 8)
    corner = instance_map(found([[4, 2, 6, 4]]), (4, 6))
    assert corner[0].sum() == 4
    assert float(corner[1, 3, 5]) == pytest.approx(0.5 / 8)


def test_where_nothing_was_found():
    expected = torch.tensor([0.0, -1.0, 0.0])[:, None, None].expand(3, 5, 7)
    assert torch.equal(instance_map(nothing_found((5, 7)), (5, 7)), expected)
    assert torch.equal(instance_map(found([]), (5, 7)), expected)
    beyond = found([[9, 9, 12, 12], [2, 2, 2, 4], [4, 3, 3, 4]])
    assert torch.equal(instance_map(beyond, (5, 7)), expected), "boxes without area in the image"


def test_a_box_below_a_pixel_is_as_small_as_one():
    objectness, _, side = instance_map(found([[1.25, 1.25, 1.75, 1.75]]), (3, 3))
    assert float(objectness[1, 1]) == pytest.approx(0.25)
    assert not side.any()


def test_masks_win_over_boxes():
    mask = torch.zeros(1, 8, 10, dtype=torch.bool)
    mask[0, 2:6, 3:7] = True
    mask[0, 2, 3] = False
    objectness, distance, side = instance_map(found([[0, 0, 10, 8]], [0.6], mask), (8, 10))
    torch.testing.assert_close(objectness, mask[0].float() * 0.6)
    assert float(side[4, 4]) == pytest.approx(math.log(math.sqrt(15)) / 5)
    assert float(distance[4, 3]) == pytest.approx(0.5 / 8)
    # The centre of the missing pixel is as far from its neighbours' as from their edges and half.
    assert float(distance[2, 3]) == pytest.approx(-0.5 / 8)
    assert float(distance[3, 4]) == pytest.approx((math.sqrt(2) - 0.5) / 8)
    assert float(distance[4, 1]) == pytest.approx(-1.5 / 8)


def test_a_mask_in_the_shape_of_a_box_is_as_that_box_beside_its_sides():
    mask = torch.zeros(1, 20, 24, dtype=torch.bool)
    mask[0, 0:7, 10:19] = True  # at the upper border
    of_box = instance_map(found([[10, 0, 19, 7]]), (20, 24))
    of_mask = instance_map(found([[10, 0, 19, 7]], masks=mask), (20, 24))
    torch.testing.assert_close(of_mask[[0, 2]], of_box[[0, 2]])
    torch.testing.assert_close(of_mask[1, :7], of_box[1, :7])
    torch.testing.assert_close(of_mask[1, :, 10:19], of_box[1, :, 10:19])
    assert (of_mask[1] - of_box[1]).abs().max() < 0.5 / REACH


def test_the_distance_to_masks_is_scipys():
    torch.manual_seed(0)
    masks = torch.zeros(2, 30, 40, dtype=torch.bool)
    masks[0, 5:16, 8:25] = torch.rand(11, 17) > 0.3
    masks[1, 12:29, 20:36] = torch.rand(17, 16) > 0.2
    _, distance, _ = instance_map(found([[0, 0, 1, 1]] * 2, masks=masks), (30, 40))
    nearest = torch.full((30, 40), REACH)
    for mask in masks:
        ringed = torch.nn.functional.pad(mask, (1, 1, 1, 1)).numpy()
        both = distance_transform_edt(ringed) + distance_transform_edt(~ringed) - 0.5
        nearest = torch.minimum(nearest, torch.from_numpy(both)[1:-1, 1:-1].float())
    expected = torch.where(masks.any(0), nearest, -nearest) / REACH
    torch.testing.assert_close(distance, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (found([[0, 0, 1, 1]], [0.5, 0.5]), "scores must have one entry for each of 1 boxes"),
        (
            Found(torch.zeros(2, 5), torch.zeros(2), torch.zeros(2)),
            r"found.boxes_lr must have shape \(N, 4\), got \(2, 5\)",
        ),
        (
            found([[0, 0, 1, 1]], masks=torch.zeros(1, 4, 4, dtype=torch.bool)),
            r"LR image's size, \(1, 3, 4\), got \(1, 4, 4\); .*resize_masks",
        ),
        (
            found([[0, 0, 1, 1]], masks=torch.zeros(2, 3, 4, dtype=torch.bool)),
            r"of 1 instances .*, got \(2, 3, 4\)",
        ),
    ],
)
def test_instances_that_do_not_fit_are_named(given, text):
    with pytest.raises(ValueError, match=text):
        instance_map(given, (3, 4))
