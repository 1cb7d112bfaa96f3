"""Boxes, areas, masks and keypoints in the frame of an image that was written at another size."""

import numpy as np
import pytest
from faster_coco_eval.core import mask as reference
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from mmisr.export.coco import (
    WrittenImage,
    clip_box,
    clip_polygon,
    scale_annotation,
    scale_coco,
    target_names,
)

UP = WrittenImage("a.png", (30, 20), (30, 20), (60, 80))
"""Twice along y, four times along x."""
CROPPED = WrittenImage("a.png", (11, 14), (8, 12), (2, 3))
"""Three rows and two columns cut off, then a quarter of the rest."""


def shoelace(polygon) -> float:
    x, y = np.array(polygon[::2]), np.array(polygon[1::2])
    return 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))


def test_convention_everything_scales_by_pure_multiplication_per_axis():
    annotation = {
        "id": 7,
        "bbox": [1, 2, 3, 4],
        "area": 10,
        "segmentation": [[1, 2, 4, 2, 4, 6.5]],
        "keypoints": [3, 5, 2, 0, 0, 0],
        "num_keypoints": 1,
        "attributes": {"occluded": True},
        "iscrowd": 0,
    }
    assert scale_annotation(annotation, UP) == {
        "id": 7,
        "bbox": [4, 4, 12, 8],
        "area": 80,
        "segmentation": [[4, 4, 16, 4, 16, 13.0]],
        "keypoints": [12, 10, 2, 0, 0, 0],
        "num_keypoints": 1,
        "attributes": {"occluded": True},
        "iscrowd": 0,
    }


@pytest.mark.parametrize(
    ("xywh", "expected"),
    [
        ([], None),
        ([1, 2, 3], None),
        ([1, 2, float("nan"), 4], None),
        ([1, 2, 0, 4], None),
        ([12, 0, 2, 3], None),
        ([0.1, 0.2, 0.7, 0.4], [0.1, 0.2, 0.7, 0.4]),
        ([10, 6, 4, 5], [10, 6, 2, 2]),
        ([-1, -0.5, 4, 5], [0, 0, 3, 4.5]),
    ],
)
def test_a_box_is_clipped_to_what_the_crop_left(xywh, expected):
    assert clip_box(xywh, (8, 12)) == expected


def test_what_a_crop_cut_off_is_gone():
    cut = {
        "bbox": [10, 6, 4, 5],
        "area": 10.0,
        "segmentation": [[10, 6, 14, 6, 14, 11, 10, 11], [13, 9, 14, 9, 14, 10]],
    }
    result = scale_annotation(
        {**cut, "keypoints": [11, 7, 2, 13, 7, 2], "num_keypoints": 2}, CROPPED
    )
    assert result["bbox"] == [2.5, 1.5, 0.5, 0.5]
    assert result["area"] == pytest.approx(10 * (4 / 20) / 16)
    assert len(result["segmentation"]) == 1
    assert shoelace(result["segmentation"][0]) == pytest.approx(0.25)
    assert result["keypoints"] == [2.75, 1.75, 2, 0, 0, 0]
    assert result["num_keypoints"] == 1
    assert scale_annotation({"bbox": [12.5, 2, 1, 1]}, CROPPED) is None


@given(st.lists(st.tuples(st.integers(-5, 25), st.integers(-5, 25)), min_size=3, max_size=8))
def test_a_clipped_polygon_covers_what_lies_inside(points):
    """Against shapely's intersection, for concave polygons too."""
    polygon = [float(number) for point in points for number in point]
    clipped = clip_polygon(polygon, (10, 12))
    assert all(
        0 <= x <= 12 and 0 <= y <= 10 for x, y in zip(clipped[::2], clipped[1::2], strict=True)
    )
    if all(0 <= x <= 12 and 0 <= y <= 10 for x, y in points):
        assert clipped == polygon
    whole = Polygon(points)
    if whole.is_valid:
        area = whole.intersection(box(0, 0, 12, 10)).area
        assert (shoelace(clipped) if clipped else 0.0) == pytest.approx(area, abs=1e-9)


@pytest.mark.parametrize("form", ["runs", "string"])
def test_masks_keep_their_form_and_their_pixels(form):
    rng = np.random.default_rng(0)
    pixels = (rng.random((30, 20)) > 0.6).astype(np.uint8)
    counts = reference.encode(np.asfortranarray(pixels))
    counts["counts"] = (
        counts["counts"] if isinstance(counts["counts"], str) else counts["counts"].decode()
    )
    if form == "runs":
        flat = pixels.ravel(order="F")
        runs, value, length = [], 0, 0
        for pixel in flat:
            if pixel != value:
                runs.append(length)
                value, length = pixel, 0
            length += 1
        counts["counts"] = [*runs, length]
    result = scale_annotation({"segmentation": counts}, UP)["segmentation"]
    assert type(result["counts"]) is type(counts["counts"])
    assert result["size"] == [60, 80]
    plain = reference.frPyObjects(result, 60, 80) if form == "runs" else result
    assert np.array_equal(reference.decode(plain), np.kron(pixels, np.ones((2, 4), np.uint8)))


@pytest.mark.parametrize(
    ("rle", "message"),
    [
        (
            {"size": [20, 30], "counts": [600]},
            r"annotation 5 of a.png: .*size of its image, \(30, 20\).*found \(20, 30\)",
        ),
        (
            {"size": [30, 20], "counts": [599]},
            "annotation 5 of a.png: run lengths must add up to 30 x 20 pixels, got 599",
        ),
    ],
)
def test_a_mask_that_does_not_fit_is_named(rle, message):
    content = {
        "images": [{"id": 1}],
        "annotations": [{"id": 5, "image_id": 1, "segmentation": rle}],
    }
    with pytest.raises(ValueError, match=message):
        scale_coco(content, {1: UP})


def test_what_means_no_place_stays():
    content = {
        "info": {"year": 2020},
        "licenses": [{"id": 1}],
        "categories": [{"id": 3, "name": "tree", "skeleton": [[1, 2]]}],
        "videos": [1],
        "images": [
            {"id": 1, "file_name": "x/a.jpg", "height": 30, "width": 20, "license": 1},
            {"id": 2, "file_name": "b.jpg", "height": 1, "width": 1},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "bbox": [0, 0, 1, 1]},
            {"id": 2, "image_id": 2, "bbox": [0, 0, 1, 1]},
        ],
    }
    result = scale_coco(content, {1: UP})
    same = ("info", "licenses", "categories", "videos")
    assert {k: result[k] for k in same} == {k: content[k] for k in same}
    assert result["images"] == [
        {"id": 1, "file_name": "a.png", "height": 60, "width": 80, "license": 1}
    ]
    assert result["annotations"] == [{"id": 1, "image_id": 1, "bbox": [0, 0, 4, 2]}]
    assert content["images"][0]["width"] == 20


def test_names_keep_their_folders():
    images = [{"id": 1, "file_name": "x/a.jpg"}, {"id": "two", "file_name": "y/a.b.tif"}]
    assert target_names(images, ".png") == {1: "x/a.png", "two": "y/a.b.png"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["x/a.png", "x/a.jpg"], "x/a.png and x/a.jpg would both be written as x/a.webp"),
        (["../a.png"], "must lie inside the image folder"),
        (["/a.png"], "must lie inside the image folder"),
    ],
)
def test_names_that_cannot_be_written(names, message):
    with pytest.raises(ValueError, match=message):
        target_names([{"id": i, "file_name": name} for i, name in enumerate(names)], ".webp")


@pytest.mark.parametrize(("source", "to"), [((8, 8), (12, 16)), ((9, 9), (10, 9))])
def test_only_whole_factors(source, to):
    with pytest.raises(ValueError, match="whole multiple or fraction"):
        WrittenImage("a.png", source, source, to)
