"""Matches of one image: those that AP is counted from, and nothing else."""

import numpy as np
import pytest

from mmisr.evaluation.functional.image_matches import match_image
from mmisr.evaluation.functional.matching import match_classes
from mmisr.evaluation.functional.matching_rules import IGNORED, TRUE
from mmisr.evaluation.size_bins import INFINITE

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
