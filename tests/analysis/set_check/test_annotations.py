"""One defect at a time, and the rule that names it; a clean file breaks none."""

import copy

import pytest

from mmisr.analysis.set_check.annotations import annotation_findings
from mmisr.analysis.set_check.findings import SetSource, found, worst_first

SOURCE = SetSource("val", "val.json", "images")
CLEAN = {
    "images": [
        {"id": 1, "file_name": "a.png", "width": 64, "height": 48},
        {"id": 2, "file_name": "b.png", "width": 64, "height": 48},
    ],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [8, 8, 16, 12]},
        {"id": 2, "image_id": 2, "category_id": 2, "bbox": [30, 20, 9, 21]},
    ],
    "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "bus"}],
}


def rules(content, source=SOURCE):
    return [(f.severity, f.rule, f.count) for f in annotation_findings(source, content)]


def changed(part, **values):
    """The clean file with one more entry, a copy of the first that differs."""
    content = copy.deepcopy(CLEAN)
    entry = {**content[part][0], "id": 9, **values}
    content[part].append(entry)
    return content


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (CLEAN, []),
        (changed("annotations"), [("warning", "duplicate-annotations", 1)]),
        (changed("annotations", category_id=2), [("warning", "two-classes", 1)]),
        (changed("annotations", iscrowd=1), [("note", "ignored", 1)]),
        (changed("annotations", bbox=[1, 1, 9, 1, 9, 9, 1, 9]), [("error", "no-box", 1)]),
        (changed("annotations", bbox=[5, 5, 0, 9]), [("error", "no-area", 1)]),
        (changed("annotations", bbox=[60, 5, 9, 9]), [("error", "outside", 1)]),
        (changed("annotations", bbox=[56, 5, 9, 9]), [("note", "rounded", 1)]),
        (changed("annotations", image_id=7), [("warning", "strays", 1)]),
        (
            changed("images"),
            [("error", "duplicate-names", 1), ("note", "empty-images", 1)],
        ),
        (changed("images", file_name="c.png"), [("note", "empty-images", 1)]),
        (changed("categories", name="boat"), [("warning", "empty-classes", 1)]),
    ],
)
def test_each_defect_has_a_rule(content, expected):
    assert rules(content) == expected


def test_classes_that_the_config_leaves_out_may_be_empty():
    content = changed("categories", name="boat")
    assert rules(content, SetSource("val", "val.json", "images", ("car", "bus"))) == []


def test_examples_name_annotation_image_and_what_the_box_looks_like():
    content = changed("annotations", bbox=[5, 5, 3, 9, 0.4])
    (finding,) = annotation_findings(SOURCE, content)
    assert finding.examples == (
        "annotation 9 of a.png (64x48): [5, 5, 3, 9, 0.4], as of a rotated box",
    )


def test_findings_are_sorted_and_their_examples_capped():
    many = [f"{number}.png" for number in range(9)]
    (note,) = found("note", "a", "x", "images", many)
    (error,) = found("error", "a", "y", "images", many[:1])
    assert worst_first([note, error]) == [error, note]
    assert (note.count, len(note.examples)) == (9, 5)
    assert found("note", "a", "x", "images", []) == []
