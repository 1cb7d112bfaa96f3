"""Matches of one image: those that AP is counted from, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from mmisr.evaluation.functional.coco_records import by_masks, in_order
from mmisr.evaluation.functional.ignore_rules import all_counted, counted
from mmisr.evaluation.functional.image_matches import found_level, match_image
from mmisr.evaluation.functional.mask_records import ImageMasks, encoded
from mmisr.evaluation.functional.matching import match_classes
from mmisr.evaluation.functional.matching_rules import IGNORED, TRUE, UNMATCHED
from mmisr.evaluation.functional.overlaps import box_ious, pixel_ious
from mmisr.evaluation.size_bins import INFINITE, PROTOCOLS, protocol_named
from mmisr.structures.marks import Mark
from tests.evaluation.functional.test_protocol_ap import CLASSES, scene

WHOLE = {"all": (0.0, INFINITE)}
BOX = [10, 10, 30, 30]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("max_dets", [2, 100])
def test_counts_are_those_of_the_data_set(scene_of, seed, max_dets):
    """Image by image and class by class against the records that the bootstrap counts from.

    Ties and crowds included.
    """
    records = scene_of(seed)
    for label, whole in enumerate(match_classes(records, 3, WHOLE, max_dets)):
        status = np.zeros(len(whole.score), dtype=int)
        status[whole.near] = whole.status[0, 0]
        for image, record in enumerate(records):
            mine = match_image(record, 0.0, max_dets)
            of_class = record.det_labels[mine.kept] == label
            for kind in (TRUE, IGNORED):
                assert (mine.status[of_class] == kind).sum() == (
                    status[whole.image == image] == kind
                ).sum()
            assert of_class.sum() == (whole.image == image).sum()
            missed = (mine.missed & (record.gt_labels == label)).sum()
            assert missed == whole.positives[0, image] - (mine.status[of_class] == TRUE).sum()


@pytest.mark.parametrize("seed", range(3))
def test_a_score_cuts_and_changes_nothing_above_it(scene_of, seed):
    for record in scene_of(seed):
        every, some = match_image(record, 0.0, 100), match_image(record, 0.5, 100)
        above = record.det_scores[every.kept] >= 0.5
        np.testing.assert_array_equal(some.kept, every.kept[above])
        np.testing.assert_array_equal(some.owner, every.owner[above])
        assert (some.missed >= every.missed).all()


def test_who_found_what(record_of):
    record = record_of(
        1,
        gt=[[100, 100, 120, 120], BOX, [200, 200, 260, 260], [50, 50, 60, 60]],
        det=[[300, 300, 320, 320], BOX, [205, 205, 255, 255], BOX],
        scores=[0.9, 0.8, 0.7, 0.95],
        ignore=[False, False, True, False],
    )
    found = match_image(record, 0.5, 100)
    assert dict(zip(found.kept.tolist(), found.owner.tolist(), strict=True)) == {
        0: -1,
        1: -1,
        2: 2,
        3: 1,
    }
    assert found.true.tolist() == [3]
    assert sorted(found.false.tolist()) == [0, 1]
    assert found.missed.tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("gt", "det", "false", "missed"), [([], [], 0, 0), ([BOX], [], 0, 1), ([], [BOX], 1, 0)]
)
def test_nothing_to_find_or_nothing_found(record_of, gt, det, false, missed):
    found = match_image(record_of(1, gt, det), 0.0, 100)
    assert (len(found.true), len(found.false), found.missed.sum()) == (0, false, missed)


def records_under(record_of, seed, protocol):
    """Miniature scenes with ties, crowds and marks, as a protocol counts them."""
    records = scene(record_of, seed)
    return in_order([counted(record, protocol, CLASSES[:2]).record for record in records])


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_matches_an_image_as_it_matches_the_data_set(record_of, name):
    protocol = protocol_named(name)
    level = found_level(protocol)
    ranges = {"all": protocol.whole}
    for seed in range(12):
        records = records_under(record_of, seed, protocol)
        for max_dets in (2, protocol.max_dets):
            whole = match_classes(records, 2, ranges, max_dets, protocol)
            for label, matches in enumerate(whole):
                status = np.zeros(len(matches.score), dtype=int)
                status[matches.near] = matches.status[level, 0]
                status[~matches.inside[0] & (status == UNMATCHED)] = IGNORED
                for image, record in enumerate(records):
                    mine = match_image(record, 0.0, max_dets, protocol)
                    of_class = record.det_labels[mine.kept] == label
                    is_here = matches.image == image
                    for kind in (UNMATCHED, TRUE, IGNORED):
                        count = (mine.status[of_class] == kind).sum()
                        assert count == (status[is_here] == kind).sum()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_true_detection_has_an_object_of_its_own(record_of, name):
    protocol = protocol_named(name)
    measure = pixel_ious if protocol.matching.corners == "pixels" else box_ious
    num_true = 0
    for seed in range(25):
        for record in records_under(record_of, seed, protocol):
            mine = match_image(record, 0.0, protocol.max_dets, protocol)
            owners = mine.owner[mine.status == TRUE]
            num_true += len(owners)
            assert len(set(owners.tolist())) == len(owners), "an object that is found twice"
            assert mine.counted[owners].all()
            assert (record.gt_labels[owners] == record.det_labels[mine.true]).all()
            ious = measure(record.det_xyxy, record.gt_xyxy)
            assert (ious[mine.true, owners] >= 0.5).all()
            excuses = mine.owner[mine.status == IGNORED]
            assert not mine.counted[excuses[excuses >= 0]].any()
            assert (mine.owner[mine.status == UNMATCHED] == -1).all()
            expected = mine.counted.copy()
            expected[owners] = False
            assert mine.missed.tolist() == expected.tolist()
    assert num_true > 10


def test_what_a_benchmark_excuses_is_not_false(record_of):
    difficult = replace(record_of(1, gt=[BOX], det=[BOX, BOX]), gt_marks=np.array([Mark.DIFFICULT]))
    voc, coco = protocol_named("voc"), protocol_named("coco")
    (by_voc,) = all_counted([difficult], voc)
    found = match_image(by_voc, 0.0, 100, voc)
    assert (found.true.tolist(), found.false.tolist(), found.missed.tolist()) == ([], [], [False])
    (by_coco,) = all_counted([difficult], coco)
    found = match_image(by_coco, 0.0, 100, coco)
    assert (len(found.true), len(found.false), found.missed.tolist()) == (1, 1, [False])


def test_the_cap_is_the_images_where_the_protocol_says_so(record_of):
    far = [60, 60, 80, 80]
    record = record_of(
        1, gt=[BOX, far], det=[BOX, far], gt_labels=[0, 1], det_labels=[0, 1], scores=[0.9, 0.8]
    )
    assert len(match_image(record, 0.0, 1).true) == 2
    visdrone = protocol_named("visdrone")
    found = match_image(record, 0.0, 1, visdrone)
    assert (found.true.tolist(), found.missed.tolist()) == ([0], [False, True])


def halves():
    """The left half of a box annotated, its right half found."""
    left = np.zeros((1, 40, 40), dtype=np.uint8)
    right = left.copy()
    left[0, 10:30, 10:20] = 1
    right[0, 10:30, 20:30] = 1
    return ImageMasks((40, 40), encoded(left), encoded(right))


def test_masks_decide_where_the_record_is_matched_by_them(record_of):
    record = replace(record_of(1, gt=[BOX], det=[BOX]), masks=halves())
    assert len(match_image(record, 0.0, 100).true) == 1
    found = match_image(by_masks(record), 0.0, 100)
    assert (len(found.true), found.false.tolist(), found.missed.tolist()) == (0, [0], [True])


def test_a_protocol_without_the_threshold_is_refused(record_of):
    protocol = protocol_named("voc")
    strict = replace(protocol, matching=replace(protocol.matching, ious=(0.75,)))
    with pytest.raises(ValueError, match=r"said at IoU 0.5, and the thresholds of 'voc' are"):
        match_image(record_of(1, gt=[BOX], det=[BOX]), 0.0, 100, strict)
