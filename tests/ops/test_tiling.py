"""Frames in tiles, and tiles as cells."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.ops.tiling import Tiling

TILING = Tiling(8, 6)


@settings(max_examples=25, deadline=None)
@given(st.integers(8, 40), st.integers(8, 40), st.integers(1, 8), st.sampled_from([1, 2, 4]))
def test_stitching_what_was_split_gives_the_frame(height, width, stride, scale):
    tiling = Tiling(8, stride)
    frame = torch.rand(2, 3, scale * height, scale * width, dtype=torch.float64)
    tiles = tiling.split(frame, scale)
    rows, cols = tiling.grid((height, width))
    assert len(tiles) == 2 * rows * cols
    for evenly in (False, True):
        again = tiling.stitch(tiles, (height, width), scale, evenly)
        torch.testing.assert_close(again, frame)


@settings(max_examples=25, deadline=None)
@given(st.integers(8, 60), st.integers(8, 60), st.integers(1, 8))
def test_every_cell_lies_in_its_tile(height, width, stride):
    """The pixels of a cell are those of the tile whose value it has."""
    tiling = Tiling(8, stride)
    rows, cols = tiling.grid((height, width))
    number = torch.arange(rows * cols)
    cells = tiling.to_cells(number.view(1, rows, cols), (height, width))[0]
    pixel = torch.arange(height * width, dtype=torch.float64).view(1, 1, height, width)
    tiles = tiling.split(pixel)
    for y in range(cells.shape[0]):
        for x in range(cells.shape[1]):
            own = tiles[cells[y, x], 0]
            part = pixel[0, 0, y * stride : (y + 1) * stride, x * stride : (x + 1) * stride]
            assert torch.isin(part, own).all()


@given(st.integers(8, 60), st.integers(8, 60), st.integers(1, 8))
def test_cells_give_their_tiles_back(height, width, stride):
    tiling = Tiling(8, stride)
    of_tiles = torch.randint(3, (2, *tiling.grid((height, width))))
    cells = tiling.to_cells(of_tiles, (height, width))
    assert torch.equal(tiling.to_tiles(cells, (height, width)), of_tiles)


def test_a_tile_takes_the_largest_value_of_its_cells():
    # Tiles begin at 0 and 6 along 14 pixels; cells of 6 at 0, 6 and 12.
    cells = torch.tensor([[[0, 1, 2], [0, 0, 0], [3, 0, 0]]])
    assert TILING.to_tiles(cells, (14, 14)).tolist() == [[[0, 2], [3, 0]]]


def test_cells_of_another_frame_are_refused():
    with pytest.raises(ValueError, match=r"exits must be of \(3, 3\) tokens of 6 pixels.*\(2, 3\)"):
        TILING.to_tiles(torch.zeros(1, 2, 3), (14, 14))


@pytest.mark.parametrize(
    ("xyxy", "expected"),
    [
        ([], [[False, False], [False, False]]),
        ([[0, 0, 6, 6]], [[True, False], [False, False]]),
        ([[0, 0, 6.5, 6]], [[True, True], [False, False]]),
        ([[7, 7, 7.5, 7.5]], [[True, True], [True, True]]),  # in the overlap of all four
        ([[8, 8, 14, 14]], [[False, False], [False, True]]),  # begins where the first ends
    ],
)
def test_touched(xyxy, expected):
    boxes = torch.tensor(xyxy, dtype=torch.float32).reshape(-1, 4)
    assert TILING.touched(boxes, (14, 14)).tolist() == expected


def test_means():
    frame = torch.zeros(1, 1, 8, 14)
    frame[..., 8:] = 1
    assert TILING.mean_of(frame).tolist() == [[[0.0, 0.75]]]


@pytest.mark.parametrize("wrong", [(8, 9), (8, 0), (0, 0)])
def test_steps_that_leave_gaps_are_refused(wrong):
    with pytest.raises(ValueError, match=r"tiling needs 1 <= stride <= size"):
        Tiling(*wrong)
