"""Matches and weighted AP against the library, and against data sets with images listed twice."""

import dataclasses

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mmisr.evaluation.functional.matching import match_classes
from mmisr.evaluation.functional.matching_rules import IGNORED, TRUE, UNMATCHED
from mmisr.evaluation.functional.overlaps import box_ious
from mmisr.evaluation.functional.size_binned_ap import size_binned_ap
from mmisr.evaluation.functional.weighted_ap import weighted_ap
from mmisr.evaluation.size_bins import protocol_named

FIGURES = ("ap", "ap50", "ap75", "ar")
CLASSES = 3


def ranges_of(protocol):
    return protocol_named(protocol).ranges()


def weighted(records, weights, protocol="aitod", max_dets=100):
    ranges = ranges_of(protocol)
    matches = match_classes(records, CLASSES, ranges, max_dets)
    return weighted_ap(matches, list(ranges), np.asarray(weights))


def without_ties(records, seed=0):
    """The order of equal scores depends on the order of images, which copying changes."""
    rng = np.random.default_rng(seed)
    return [dataclasses.replace(r, det_scores=rng.random(len(r.det_scores))) for r in records]


def listed(records, counts):
    """The data set with every image as often as its count says, copies side by side."""
    copies = [r for r, n in zip(records, counts, strict=True) for _ in range(n)]
    return [dataclasses.replace(r, img_id=i) for i, r in enumerate(copies)]


def same(figure, values, index):
    for name in FIGURES:
        np.testing.assert_allclose(
            getattr(values, name)[index], getattr(figure, name), rtol=0, atol=1e-9
        )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("max_dets", [1, 4, 100])
@pytest.mark.parametrize("protocol", ["coco", "aitod"])
def test_weights_of_one_are_the_plain_figures(scene_of, protocol, max_dets, seed):
    records = scene_of(seed, num_images=8)
    found = weighted(records, np.ones((1, 8), dtype=int), protocol, max_dets)
    for name, figure in size_binned_ap(records, CLASSES, ranges_of(protocol), max_dets).items():
        same(figure, found[name], 0)


@pytest.mark.parametrize("seed", range(4))
def test_weights_are_copies_of_images(scene_of, seed):
    records = without_ties(scene_of(seed, num_images=9))
    counts = np.random.default_rng(seed).multinomial(9, np.full(9, 1 / 9), size=5)
    found = weighted(records, counts)
    assert (counts > 1).any()
    for index, row in enumerate(counts):
        for name, figure in size_binned_ap(
            listed(records, row), CLASSES, ranges_of("aitod"), 100
        ).items():
            same(figure, found[name], index)


def test_chunks_of_replicates_change_nothing(scene_of, monkeypatch):
    records = scene_of(1, num_images=9)
    counts = np.random.default_rng(0).multinomial(9, np.full(9, 1 / 9), size=7)
    whole = weighted(records, counts)["all"].ap
    monkeypatch.setattr("mmisr.evaluation.functional.weighted_ap.CHUNK", 60)
    np.testing.assert_array_equal(weighted(records, counts)["all"].ap, whole)


def test_a_replicate_without_annotations_has_no_figures(record_of):
    box = [[0, 0, 10, 10]]
    records = [record_of(1, box, box), record_of(2, (), box)]
    found = weighted(records, [[1, 1], [0, 2], [2, 0]])
    np.testing.assert_array_equal(found["tiny"].ap, [1, np.nan, 1])
    assert np.isnan(found["medium"].ar).all()
    # The false positive has the same score and counts once, or not at all.
    np.testing.assert_array_equal(found["all"].ap50, [1, np.nan, 1])


def test_a_class_that_is_not_drawn_is_left_out_of_the_mean(record_of):
    box = [[0, 0, 10, 10]]
    records = [record_of(1, box, box, [0], [0]), record_of(2, box, (), [1])]
    np.testing.assert_array_equal(
        weighted(records, [[1, 1], [1, 0], [0, 1]])["all"].ap, [0.5, 1, 0]
    )


def test_weights_for_other_images_are_refused(scene_of):
    with pytest.raises(ValueError, match=r"weights must be \(replicates, 6 images\), got \(1, 5\)"):
        weighted(scene_of(0), np.ones((1, 5), dtype=int))


def test_an_unknown_label_is_refused(record_of):
    with pytest.raises(ValueError, match="labels must be in 0..2"):
        match_classes([record_of(1, [[0, 0, 1, 1]], (), [3])], CLASSES, ranges_of("coco"), 100)


def test_what_becomes_of_a_detection(record_of):
    """One is found twice, one is a crowd, one is of another size, one is nowhere."""
    truth = [[0, 0, 10, 10], [100, 100, 140, 140], [200, 200, 260, 260]]
    found = [
        [0, 0, 10, 10],
        [0, 0, 10, 9],
        [105, 105, 135, 135],
        [200, 200, 260, 260],
        [400, 400, 410, 410],
    ]
    record = record_of(
        1, truth, found, ignore=[False, True, False], scores=[0.9, 0.8, 0.7, 0.6, 0.5]
    )
    matches = match_classes([record], 1, ranges_of("coco"), 100)[0]
    assert matches.near.tolist() == [0, 1, 2, 3]
    everything, small = matches.status[0, 0], matches.status[0, 1]
    assert everything.tolist() == [TRUE, UNMATCHED, IGNORED, TRUE]
    assert small.tolist() == [TRUE, UNMATCHED, IGNORED, IGNORED]
    assert matches.positives[:, 0].tolist() == [2, 1, 1, 0]
    assert matches.inside[1].tolist() == [True, True, True, False, True]


@pytest.mark.parametrize("seed", range(3))
def test_overlaps_are_those_of_coco_to_the_last_bit(seed):
    rng = np.random.default_rng(seed)
    first, second = (np.round(rng.uniform(0, 30, (12, 4)), 1) for _ in range(2))
    for boxes in (first, second):
        boxes[:, 2:] += boxes[:, :2] + 0.1
    crowd = rng.random(12) < 0.4
    xywh = [np.concatenate([b[:, :2], b[:, 2:] - b[:, :2]], axis=1) for b in (first, second)]
    np.testing.assert_array_equal(
        box_ious(first, second, crowd), coco_mask.iou(*xywh, crowd.astype(np.uint8))
    )


def test_no_boxes_have_no_overlaps():
    assert box_ious(np.zeros((0, 4)), np.zeros((3, 4))).shape == (0, 3)
