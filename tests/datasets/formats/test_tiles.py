"""Overlapping tiles under DOTA's names, and the way back."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmisr.apis.to_coco import cut_tiles, merge_tiles
from mmisr.datasets.formats.source import FormatError
from mmisr.datasets.formats.tiles import corners, tile_name, tile_place
from mmisr.datasets.images import ImageError


@settings(max_examples=50, deadline=None)
@given(
    stem=st.text("aP0_-", min_size=1, max_size=12), corner=st.tuples(*[st.integers(0, 9999)] * 2)
)
def test_names_and_back(stem, corner):
    assert tile_place(tile_name(stem, corner)) == (stem, corner)


def test_other_names():
    with pytest.raises(FormatError, match=r"must be called IMAGE__1__LEFT___TOP, found 'P0003'"):
        tile_place("P0003")


@settings(max_examples=50, deadline=None)
@given(wh=st.tuples(*[st.integers(1, 400)] * 2), size=st.integers(30, 200), share=st.floats(0, 0.9))
def test_tiles_cover_their_image(wh, size, share):
    overlap = int(size * share)
    places = corners(wh, size, overlap)
    for axis in (0, 1):
        starts = sorted({place[axis] for place in places})
        assert starts[0] == 0
        assert starts[-1] == max(wh[axis] - size, 0)
        steps = np.diff(starts)
        assert (steps > 0).all() and (steps <= size - overlap).all()
    assert len(set(places)) == len(places)


def test_overlap_must_be_below_size():
    with pytest.raises(ValueError, match="0 <= overlap < size, got overlap=8, size=8"):
        corners((10, 10), 8, 8)


@pytest.fixture
def whole(tmp_path, picture):
    """An image of 150x60: tiles of 100 with 20 in common begin at 0 and 50."""
    picture(tmp_path / "images/a.png", (150, 60))
    boxes = [[10, 10, 20, 20], [90, 5, 20, 20], [40, 30, 20, 10]]
    annotations = [
        {"id": n, "image_id": 4, "category_id": 1, "bbox": box, "area": 1, "iscrowd": 0}
        for n, box in enumerate(boxes)
    ]
    content = {
        "images": [{"id": 4, "file_name": "a.png", "width": 150, "height": 60}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "plane"}],
    }
    path = tmp_path / "val.json"
    path.write_text(json.dumps(content))
    return path


def test_pixels_and_boxes(whole, tmp_path):
    path = cut_tiles(whole, tmp_path / "images", tmp_path / "tiles", size=100, overlap=20)
    content = json.loads(path.read_text())
    names = [image["file_name"] for image in content["images"]]
    assert names == ["a__1__0___0.png", "a__1__50___0.png"]
    pixels = np.asarray(Image.open(tmp_path / "images/a.png"))
    tile = np.asarray(Image.open(tmp_path / "tiles/images/a__1__50___0.png"))
    np.testing.assert_array_equal(tile, pixels[:, 50:])
    found = [
        (a["image_id"], a["bbox"], a.get("ignore", 0), a["area"]) for a in content["annotations"]
    ]
    assert found == [
        (1, [10, 10, 20, 20], 0, 400),
        (1, [90, 5, 10, 20], 1, 200),  # half of it: below 0.7
        (1, [40, 30, 20, 10], 0, 200),
        (2, [40, 5, 20, 20], 0, 400),
        (2, [0, 30, 10, 10], 1, 100),
    ]
    assert [a["id"] for a in content["annotations"]] == [1, 2, 3, 4, 5]


def test_tiles_that_are_there_are_not_cut_again(whole, tmp_path):
    arguments = (whole, tmp_path / "images", tmp_path / "tiles", 100, 20)
    cut_tiles(*arguments)
    first, second = sorted((tmp_path / "tiles/images").iterdir())
    before = first.stat().st_mtime_ns
    second.unlink()
    cut_tiles(*arguments)
    assert second.is_file() and first.stat().st_mtime_ns == before


def changed(path, **keys):
    """The same COCO file with other keys of its image."""
    content = json.loads(path.read_text())
    content["images"][0] |= keys
    path.write_text(json.dumps(content))
    return path


def test_tiles_of_another_size_are_there(whole, tmp_path):
    """Names of tiles do not say their size."""
    arguments = (whole, tmp_path / "images", tmp_path / "tiles")
    path = cut_tiles(*arguments, 100, 20)
    before = path.read_bytes()
    with pytest.raises(FormatError, match=r"a__1__0___0.png .* must be 50x50, found 100x60.*--out"):
        cut_tiles(*arguments, 50, 10)
    assert path.read_bytes() == before
    tile = tmp_path / "tiles/images/a__1__0___0.png"
    tile.write_bytes(b"<html>")
    with pytest.raises(FormatError, match="must be 100x60, found no image"):
        cut_tiles(*arguments, 100, 20)


def test_an_image_of_another_size_than_its_file_says(whole, tmp_path):
    with pytest.raises(ImageError, match=r"a.png must be 160x60 as .*, found 150x60"):
        cut_tiles(changed(whole, width=160), tmp_path / "images", tmp_path / "tiles", 100, 20)
    assert not (tmp_path / "tiles").exists()


def test_two_images_of_one_name(whole, tmp_path, picture):
    tiles = cut_tiles(whole, tmp_path / "images", tmp_path / "tiles", 100, 20)
    picture(tmp_path / "images/a.jpg", (150, 60))
    content = json.loads(whole.read_text())
    image = content["images"][0]
    content["images"].append({**image, "id": 5, "file_name": "a.jpg"})
    whole.write_text(json.dumps(content))
    (tmp_path / "found.json").write_text("[]")
    message = r"must differ before their ending, found a.png and a.jpg"
    with pytest.raises(FormatError, match=message):
        cut_tiles(whole, tmp_path / "images", tmp_path / "more", 100, 20)
    with pytest.raises(FormatError, match=message):
        merge_tiles(tmp_path / "found.json", tiles, whole, tmp_path / "merged.json")


def test_masks_are_not_put_together(whole, tmp_path):
    tiles = cut_tiles(whole, tmp_path / "images", tmp_path / "tiles", size=100, overlap=20)
    mask = {"size": [60, 100], "counts": "0"}
    found = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 1}
    (tmp_path / "found.json").write_text(json.dumps([{**found, "segmentation": mask}]))
    with pytest.raises(FormatError, match=r"must be a box alone, found `segmentation`.*bbox.json"):
        merge_tiles(tmp_path / "found.json", tiles, whole, tmp_path / "merged.json")


def test_what_two_tiles_found_is_found_once(whole, tmp_path):
    """Perfect detections of every tile are, put together, those of the whole image."""
    tiles = cut_tiles(whole, tmp_path / "images", tmp_path / "tiles", size=100, overlap=20)
    truth = json.loads(tiles.read_text())["annotations"]
    found = [
        {k: a[k] for k in ("image_id", "category_id", "bbox")} | {"score": a["area"] / 1000}
        for a in truth
    ]
    found.append({"image_id": 2, "category_id": 2, "bbox": [40, 5, 20, 20], "score": 0.1})
    (tmp_path / "found.json").write_text(json.dumps(found))
    arguments = (tmp_path / "found.json", tiles, whole, tmp_path / "merged.json")
    assert merge_tiles(*arguments, iou=0.3) == 4
    merged = json.loads((tmp_path / "merged.json").read_text())
    assert {a["image_id"] for a in merged} == {4}
    assert [(a["category_id"], a["bbox"]) for a in merged] == [
        (1, [10, 10, 20, 20]),
        (1, [90, 5, 20, 20]),
        (1, [40, 30, 20, 10]),
        (2, [90, 5, 20, 20]),
    ]


def test_a_box_that_overhangs_the_image_is_found_by_the_tile_that_shows_it(whole, tmp_path):
    """Its centre lies beyond the image, and that of what the image holds in the tile."""
    tiles = cut_tiles(whole, tmp_path / "images", tmp_path / "tiles", size=100, overlap=20)
    found = [
        {"image_id": 1, "category_id": 1, "bbox": [-30, 5, 40, 20], "score": 0.9},
        {"image_id": 1, "category_id": 1, "bbox": [-30, 30, 20, 20], "score": 0.8},
    ]
    (tmp_path / "found.json").write_text(json.dumps(found))
    merge_tiles(tmp_path / "found.json", tiles, whole, tmp_path / "merged.json")
    merged = json.loads((tmp_path / "merged.json").read_text())
    assert [a["bbox"] for a in merged] == [[-30, 5, 40, 20]]


def test_results_of_something_else(whole, tmp_path):
    tiles = cut_tiles(whole, tmp_path / "images", tmp_path / "tiles", size=100, overlap=20)
    stray = [{"image_id": 9, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 1}]
    (tmp_path / "found.json").write_text(json.dumps(stray))
    with pytest.raises(FormatError, match=r"must be on one of the 2 tiles, found image_id 9"):
        merge_tiles(tmp_path / "found.json", tiles, whole, tmp_path / "merged.json")
    other = json.loads(whole.read_text())
    other["images"][0]["file_name"] = "b.png"
    (tmp_path / "other.json").write_text(json.dumps(other))
    with pytest.raises(FormatError, match=r"must be of an image of the whole set, found none call"):
        merge_tiles(tmp_path / "found.json", tiles, tmp_path / "other.json", tmp_path / "m.json")
