"""Sides of objects in LR pixels, by hand."""

import pytest

from mmisr.analysis.set_check.findings import SetSource
from mmisr.analysis.set_check.sizes import EDGES, object_sizes, size_findings

SOURCE = SetSource("val", "val.json", "images")


def content(*boxes, **flags):
    annotations = [
        {"id": number, "image_id": 1, "category_id": 1, "bbox": list(box), **flags}
        for number, box in enumerate(boxes)
    ]
    image = {"id": 1, "file_name": "a.png", "width": 640, "height": 480}
    return {"images": [image], "annotations": annotations, "categories": []}


def test_convention_sides_are_roots_of_areas_divided_by_the_scale():
    sizes = object_sizes(content((0, 0, 64, 16), (0, 0, 128, 128), (0, 0, 12, 12)), scale=4)
    assert (sizes.count, sizes.smallest, sizes.median) == (3, 3.0, 8.0)
    expected = {3: 0, 8: 0, 32: 0}
    places = {3: EDGES.index(2), 8: EDGES.index(8), 32: EDGES.index(32)}
    for side, place in places.items():
        expected[side] = sizes.histogram[place]
    assert expected == {3: 1, 8: 1, 32: 1}
    assert sum(sizes.histogram) == 3
    # An object of exactly 8 x 8 is very tiny and tiny, as the metric counts it.
    assert sizes.bins["aitod"] == {"very_tiny": 2, "tiny": 1, "small": 1, "medium": 1}
    assert sizes.bins["coco"] == {"small": 3, "medium": 1, "large": 0}
    assert sizes.below(8) == pytest.approx(1 / 3)


def test_nothing_is_nothing():
    for empty in (content(), content((0, 0, 8, 8), iscrowd=1), content((5, 5, 0, 0))):
        sizes = object_sizes(empty, scale=4)
        assert (sizes.count, sizes.smallest, sizes.median, sizes.below(8)) == (0, 0, 0, 0)


def test_dots_are_named_by_their_shorter_side():
    given = content((0, 0, 100, 7), (0, 0, 8, 8))
    (finding,) = size_findings(SOURCE, given, scale=4)
    assert (finding.severity, finding.rule, finding.count) == ("warning", "dots", 1)
    assert finding.examples == ("annotation 0 of a.png: 1.8 px",)
    assert size_findings(SOURCE, given, scale=1) == []
