"""Metric and library are timed on the same boxes, which both count alike."""

import pytest

from mmisr.analysis.evaluation_speed import MAX_DETS, coco_json, evaluation_speed, made_up
from mmisr.evaluation.functional.size_binned_ap import size_binned_ap
from mmisr.evaluation.size_bins import protocol_named


def test_every_part_is_timed():
    speed = evaluation_speed(
        images=4, annotations=40, detections=80, classes=3, replicates=5, repeats=1
    )
    assert min(speed.metric, speed.library, speed.bootstrap) > 0
    assert speed.ratio == pytest.approx(speed.metric / speed.library)
    assert evaluation_speed(4, 40, 80, 3, 0, 1).bootstrap is None


@pytest.mark.parametrize("protocol", ["visdrone", "tinyperson", "wider"])
def test_every_protocol_can_be_timed(protocol):
    speed = evaluation_speed(3, 30, 60, 2, replicates=2, repeats=1, protocol=protocol)
    assert min(speed.metric, speed.library, speed.bootstrap) > 0


def test_both_read_the_same_boxes():
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    records = made_up(6, 60, 240, 2)
    truth, results = coco_json(records, 2)
    coco = COCO()
    coco.dataset = truth
    coco.createIndex()
    reference = COCOeval(coco, coco.loadRes(results), "bbox")
    reference.evaluate()
    reference.accumulate()
    reference.summarize()
    own = size_binned_ap(records, 2, protocol_named("coco").ranges(), MAX_DETS)["all"].ap
    assert own == pytest.approx(reference.stats[0], abs=1e-6)
    assert 0.05 < own < 0.95
