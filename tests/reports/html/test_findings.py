"""Which arms are compared, and from which score on."""

import dataclasses

import numpy as np
import pytest

from mmisr.evaluation.functional.mask_records import ImageMasks, encoded
from mmisr.reports.html.findings import Pair, choose_pair, find
from mmisr.reports.html.words import how_judged
from mmisr.structures.marks import Mark
from tests.reports.html.conftest import with_runs


@pytest.mark.parametrize(
    ("arms", "pair"),
    [
        (["lr"], None),
        (
            ["lr", "bicubic", "instance_sr", "instance_sr_all_hard", "hr"],
            Pair("instance_sr", "bicubic"),
        ),
        (["editor", "bicubic"], Pair("editor", "bicubic")),
        (["lr", "bicubic", "area", "edsr", "hr"], Pair("edsr", "bicubic")),
        (["lr", "hr"], Pair("hr", "lr")),
        (["a", "b", "c"], Pair("b", "a")),
        (["bicubic", "lr", "hr"], Pair("hr", "bicubic")),
    ],
)
def test_the_editor_against_bicubic(arms, pair):
    assert choose_pair(arms) == pair


def test_a_chosen_pair():
    assert choose_pair(["lr", "bicubic", "hr"], ("lr", "hr")) == Pair("lr", "hr")
    for wanted in (("lr", "gone"), ("lr", "lr")):
        with pytest.raises(ValueError, match="pair must name two of the arms"):
            choose_pair(["lr", "hr"], wanted)


def test_what_is_counted(comparison):
    found = find(comparison)
    arms = list(comparison.arms)
    assert list(found.scores) == list(found.errors) == arms
    assert len(set(found.scores.values())) > 1
    assert len(found.gains) == 7
    for arm in arms:
        assert found.curves["IoU 0.50"][arm].mean() == pytest.approx(
            comparison.arms[arm].AP50, abs=1e-9
        )
        assert found.curves["IoU 0.75"][arm].mean() == pytest.approx(
            comparison.arms[arm].AP75, abs=1e-9
        )
    # Every object is found, or an error is about it: what is missed cannot be more than what is
    # annotated.
    count = sum(b.count for b in comparison.arms["hr"].bins.values())
    assert 0 < found.errors["hr"]["all"]["missed"] < count


def test_one_score_for_all(comparison):
    found = find(comparison, score_thr=0.5)
    assert set(found.scores.values()) == {0.5}
    assert not found.own_scores


def with_records(comparison, change):
    """The same comparison with every image's record changed."""

    def changed(run):
        other = dataclasses.replace(run, protocol=comparison.rules)
        other.__dict__["stored"] = [change(record) for record in run.stored]
        return other

    return with_runs(comparison, changed)


def elsewhere(record):
    """Masks of objects and of detections, which have no pixel in common."""
    hw = (4, 4)
    left, right = np.zeros((2, 1, *hw), dtype=np.uint8)
    left[:, :, :2], right[:, :, 2:] = 1, 1
    truths, found = len(record.gt_xyxy), len(record.det_xyxy)
    masks = ImageMasks(hw, encoded(left) * truths, encoded(right) * found)
    return dataclasses.replace(record, masks=masks)


def test_masks_decide_where_ap_of_masks_is_counted(comparison):
    by_boxes = find(comparison, score_thr=0.3)
    with_masks = with_records(comparison, elsewhere)
    found = find(with_masks, score_thr=0.3)
    assert sum(gain.a.true for gain in by_boxes.gains) > 0
    assert sum(gain.a.true for gain in found.gains) == 0
    for arm, errors in found.errors.items():
        false = sum(count for kind, count in errors["all"].items() if kind != "missed")
        assert errors["all"]["background"] == false, arm
    assert how_judged(with_masks).endswith("at IoU 0.5 of masks; what they ignore is neither.")
    assert "the rules of aitod, at IoU 0.5 of boxes" in how_judged(comparison)


def under(comparison, protocol, change):
    """The same comparison as another protocol counts it, every image's record changed."""
    metric = dataclasses.replace(comparison.meta.metric, protocol=protocol)
    meta = dataclasses.replace(comparison.meta, metric=metric)
    return with_records(dataclasses.replace(comparison, meta=meta), change)


def test_what_a_protocol_excuses_is_neither_found_nor_missed(comparison):
    """VOC ignores what is difficult, and has one threshold."""

    def difficult(record):
        marks = np.full(len(record.gt_xyxy), int(Mark.DIFFICULT))
        return dataclasses.replace(record, gt_marks=marks)

    found = find(under(comparison, "voc", difficult), score_thr=0.3)
    assert list(found.curves) == ["IoU 0.50"]
    assert all(gain.a.annotated == gain.a.true == 0 for gain in found.gains)
    assert all(errors["all"]["missed"] == 0 for errors in found.errors.values())


def test_matching_is_the_protocols(comparison):
    """TinyPerson's objects have a pixel at least: smaller ones, and what finds them, count nowhere.

    By COCO's rules they are objects like others.
    """

    def smaller(record):
        small = np.full(len(record.gt_xyxy), 0.5)
        return dataclasses.replace(record, gt_areas=small)

    by_coco = find(under(comparison, "coco", smaller), score_thr=0.3)
    found = find(under(comparison, "tinyperson", smaller), score_thr=0.3)
    assert sum(gain.a.true for gain in by_coco.gains) > 0
    assert sum(len(of.found) + len(of.lost) for of in by_coco.changes) > 0
    assert all(gain.a.annotated == gain.a.true == 0 for gain in found.gains)
    assert sum(len(of.found) + len(of.lost) for of in found.changes) == 0
    for arm, errors in found.errors.items():
        assert by_coco.errors[arm]["all"]["missed"] > 0
        assert errors["all"]["missed"] == 0
        assert np.isnan(found.curves["IoU 0.50"][arm]).all()
