"""Tiles share no pixel, leave none out, and keep the boxes that are mostly theirs."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmisr.datasets.prepare.tiles import ALIGN, CocoWriter, cut, is_complete, size_counts, summary


@settings(max_examples=80, deadline=None)
@given(
    h=st.integers(1, 300),
    w=st.integers(1, 300),
    first=st.integers(0, 50),
    tile=st.integers(32, 200),
)
def test_tiles_are_a_partition(h, w, first, tile):
    first = min(first, h - 1)
    numbers = np.arange(h * w, dtype=np.int64).reshape(h, w, 1)
    tiles = cut(numbers, np.zeros((0, 4)), (first, h), tile)
    seen = np.sort(np.concatenate([t.image.ravel() for t in tiles]))
    np.testing.assert_array_equal(seen, numbers[first:].ravel())
    for t in tiles:
        top, left = (int(v) for v in t.name.split("_"))
        assert t.image[0, 0, 0] == top * w + left
        assert (top - first) % ALIGN == left % ALIGN == 0


BOXES = np.array(
    [[10, 10, 30, 20], [90, 10, 102, 20], [84, 30, 108, 40], [40, 90, 60, 102], [5, 130, 9, 140]],
    float,
)


def test_boxes_stay_where_at_least_half_of_them_lies():
    """100 x 140 pixels in tiles of about 64.

    Columns from 0 and 96 of 192, rows from 0 and 64 of 140.
    """
    tiles = cut(np.zeros((140, 192, 3), np.uint8), BOXES, (0, 140), 64)
    names = [t.name for t in tiles]
    assert names == ["0_0", "0_64", "0_128", "64_0", "64_64", "64_128"]
    kept = {t.name: (np.flatnonzero(t.in_tile).tolist(), t.xyxy.tolist()) for t in tiles}
    assert kept["0_0"] == ([0], [[10, 10, 30, 20]])
    assert kept["0_64"] == ([1, 2], [[26, 10, 38, 20], [20, 30, 44, 40]])
    assert kept["64_0"] == ([3, 4], [[40, 26, 60, 38], [5, 66, 9, 76]])
    assert kept["0_128"][0] == kept["64_64"][0] == []


def test_a_box_halved_by_a_border_belongs_to_both_and_a_corner_to_none():
    boxes = np.array([[54.0, 10, 74, 20], [54, 54, 74, 74]])
    tiles = {t.name: t for t in cut(np.zeros((128, 128, 3), np.uint8), boxes, (0, 128), 64)}
    assert tiles["0_0"].xyxy.tolist() == [[54, 10, 64, 20]]
    assert tiles["0_64"].xyxy.tolist() == [[0, 10, 10, 20]]
    assert sum(t.in_tile[1] for t in tiles.values()) == 0


def test_rows_outside_are_not_touched():
    tiles = cut(np.zeros((140, 64, 3), np.uint8), BOXES, (100, 140), 64)
    assert [t.image.shape for t in tiles] == [(40, 64, 3)]
    assert tiles[0].xyxy.tolist() == [[5, 30, 9, 40]]


def test_written_files_are_coco(tmp_path):
    writer = CocoWriter(tmp_path / "val", ["car", "tree"], version="3")
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    writer.add("a.png", image, np.array([[1.0, 1, 3.126, 2]]), np.array([1]))
    writer.add("b.png", image, np.zeros((0, 4)), np.zeros(0, int))
    assert not is_complete(tmp_path / "val.json", tmp_path / "val", "3")
    writer.write(tmp_path / "val.json")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "val/a.png")), image)
    content = json.loads((tmp_path / "val.json").read_text())
    assert [i["file_name"] for i in content["images"]] == ["a.png", "b.png"]
    assert content["annotations"][0]["bbox"] == [1, 1, 2.13, 1]
    assert content["annotations"][0]["category_id"] == 2
    assert content["categories"] == [
        {"id": 1, "name": "car", "supercategory": "car"},
        {"id": 2, "name": "tree", "supercategory": "tree"},
    ]
    assert summary("val", tmp_path / "val.json") == (
        "val: 2 images, 1 boxes; side at LR x1/4: 0-8 px: 1, 8-16 px: 0, 16-32 px: 0, 32-inf px: 0"
    )


@pytest.mark.parametrize("harm", ["none", "version", "image", "file"])
def test_completeness(tmp_path, harm):
    writer = CocoWriter(tmp_path / "val", ["tree"], version="3")
    writer.add("a.png", np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4)), np.zeros(0, int))
    writer.write(tmp_path / "val.json")
    if harm == "image":
        (tmp_path / "val/a.png").unlink()
    if harm == "file":
        (tmp_path / "val.json").unlink()
    version = "4" if harm == "version" else "3"
    assert is_complete(tmp_path / "val.json", tmp_path / "val", version) == (harm == "none")


def test_counts_by_size_in_lr_pixels():
    boxes = [{"bbox": [0, 0, side, side]} for side in (4, 31.9, 32, 63, 64, 128, 500)]
    assert size_counts(boxes, 4) == {"0-8": 2, "8-16": 2, "16-32": 1, "32-inf": 2}
