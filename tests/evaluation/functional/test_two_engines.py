"""The two AP engines give the same figures: docs/concepts/evaluation.md says why there are two.

``size_binned_ap`` asks faster-coco-eval, ``match_classes`` and ``weighted_ap`` are our own arrays.
"""

import dataclasses
import itertools

import numpy as np
import pytest

from mmisr.evaluation.functional.matching import match_classes
from mmisr.evaluation.functional.size_binned_ap import size_binned_ap
from mmisr.evaluation.functional.weighted_ap import weighted_ap
from mmisr.evaluation.size_bins import protocol_named

CLASSES = 3
FIGURES = ("ap", "ap50", "ap75", "ar")


def emptied(record, side):
    """The same image without its annotations or without its detections."""
    columns = {name: value for name, value in vars(record).items() if name.startswith(side)}
    return dataclasses.replace(record, **{name: value[:0] for name, value in columns.items()})


def as_they_are(records):
    return records


def without_crowds(records):
    return [
        dataclasses.replace(r, gt_ignore=np.zeros(len(r.gt_labels), dtype=bool)) for r in records
    ]


def crowds_alone(records):
    return [
        dataclasses.replace(r, gt_ignore=np.ones(len(r.gt_labels), dtype=bool)) for r in records
    ]


def nothing_annotated_in_half(records):
    return [emptied(r, "gt_") if i % 2 else r for i, r in enumerate(records)]


def nothing_found_in_half(records):
    return [emptied(r, "det_") if i % 2 else r for i, r in enumerate(records)]


def nothing_annotated(records):
    return [emptied(r, "gt_") for r in records]


def nothing_found(records):
    return [emptied(r, "det_") for r in records]


def one_size(records):
    """All objects are of one size, so that most bins are empty and ignore every annotation."""
    return [
        dataclasses.replace(
            r,
            gt_areas=np.full(len(r.gt_labels), 20.0**2),
            det_areas=np.full(len(r.det_labels), 20.0**2),
        )
        for r in records
    ]


def one_score(records):
    """Every rank is a tie."""
    return [dataclasses.replace(r, det_scores=np.full(len(r.det_labels), 0.5)) for r in records]


def one_class(records):
    """Two of the three classes have neither annotations nor detections."""
    return [
        dataclasses.replace(
            r, gt_labels=np.zeros_like(r.gt_labels), det_labels=np.zeros_like(r.det_labels)
        )
        for r in records
    ]


SCENES = (
    as_they_are,
    without_crowds,
    crowds_alone,
    nothing_annotated_in_half,
    nothing_found_in_half,
    nothing_annotated,
    nothing_found,
    one_size,
    one_score,
    one_class,
)


def figures_of_both(records, ranges, max_dets):
    library = size_binned_ap(records, CLASSES, ranges, max_dets)
    matches = match_classes(records, CLASSES, ranges, max_dets)
    arrays = weighted_ap(matches, list(ranges), np.ones((1, len(records)), dtype=np.int64))
    for name, figure in itertools.product(ranges, FIGURES):
        yield f"{name} {figure}", getattr(library[name], figure), getattr(arrays[name], figure)[0]


@pytest.mark.parametrize("protocol", ["coco", "aitod"])
@pytest.mark.parametrize("max_dets", [1, 3, 100])
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_both_engines_give_the_same_figures(scene_of, scene, max_dets, protocol):
    ranges = protocol_named(protocol).ranges()
    for seed in range(2):
        records = scene(scene_of(seed, num_images=7, num_classes=CLASSES))
        for name, library, arrays in figures_of_both(records, ranges, max_dets):
            np.testing.assert_allclose(arrays, library, rtol=0, atol=1e-9, err_msg=name)


def test_the_grid_reaches_what_it_names(scene_of):
    """Crowds, overlapping detections of one object, empty images and ties are in the scenes."""
    records = scene_of(0, num_images=7, num_classes=CLASSES)
    assert any(r.gt_ignore.any() for r in records)
    assert any(not len(r.gt_labels) for r in records)
    assert any(len(np.unique(r.det_scores)) < len(r.det_scores) for r in records)
    ranges = protocol_named("coco").ranges()
    seen = {name: library for name, library, _ in figures_of_both(records, ranges, 100)}
    assert 0 < seen["all ap"] < 1
    sizes = one_size(records)
    assert np.isnan(size_binned_ap(sizes, CLASSES, ranges, 100)["large"].ap)


@pytest.mark.parametrize("records", [[], None], ids=["no images", "empty images"])
def test_both_say_nan_where_there_is_nothing(record_of, records):
    if records is None:
        records = [record_of(1), record_of(2)]
    ranges = protocol_named("coco").ranges()
    for _, library, arrays in figures_of_both(records, ranges, 100):
        assert np.isnan(library)
        assert np.isnan(arrays)
