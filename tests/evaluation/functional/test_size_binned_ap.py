"""AP by size against pycocotools, against closed forms, and where figures do not exist."""

import contextlib
import dataclasses
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmisr.evaluation.functional.coco_records import in_order
from mmisr.evaluation.functional.size_binned_ap import size_binned_ap
from mmisr.evaluation.size_bins import protocol_named

COCO_RANGES = protocol_named("coco").ranges()


def reference(records, num_classes):
    """A pycocotools evaluator over the same boxes."""
    content = {
        "images": [{"id": r.img_id} for r in records],
        "categories": [{"id": c, "name": str(c)} for c in range(num_classes)],
    }
    truth, found = [], []
    for r in records:
        for box, label, area, ignore in zip(
            r.gt_xyxy, r.gt_labels, r.gt_areas, r.gt_ignore, strict=True
        ):
            truth.append(row(len(truth), r, box, label, area, iscrowd=int(ignore)))
        for box, label, area, score in zip(
            r.det_xyxy, r.det_labels, r.det_areas, r.det_scores, strict=True
        ):
            found.append(row(len(found), r, box, label, area, iscrowd=0, score=float(score)))
    with contextlib.redirect_stdout(io.StringIO()):
        sides = []
        for annotations in (truth, found):
            coco = COCO()
            coco.dataset = {**content, "annotations": annotations}
            coco.createIndex()
            sides.append(coco)
        return COCOeval(*sides, "bbox")


def row(number, record, box, label, area, **more):
    bbox = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
    key = {"id": number + 1, "image_id": record.img_id, "category_id": int(label)}
    return {**key, "bbox": bbox, "area": float(area), **more}


def mean(values):
    return float(values[values > -1].mean()) if (values > -1).any() else math.nan


def run_reference(records, num_classes, ranges, max_dets, caps=()):
    """Figures by range from pycocotools' own arrays; recall at smaller caps under ``ar@``."""
    evaluator = reference(records, num_classes)
    evaluator.params.areaRng = [list(span) for span in ranges.values()]
    evaluator.params.areaRngLbl = list(ranges)
    evaluator.params.maxDets = [*caps, max_dets]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator.evaluate()
        evaluator.accumulate()
    precision, recalls = evaluator.eval["precision"][..., -1], evaluator.eval["recall"]
    recall = recalls[..., -1]
    return {
        name: {
            "ap": mean(precision[..., i]),
            "ap50": mean(precision[0, ..., i]),
            "ap75": mean(precision[5, ..., i]),
            "ar": mean(recall[..., i]),
            **{f"ar@{cap}": mean(recalls[..., i, m]) for m, cap in enumerate(caps)},
        }
        for i, name in enumerate(ranges)
    }


@pytest.mark.parametrize("protocol", ["coco", "aitod"])
@pytest.mark.parametrize("max_dets", [1, 3, 100])
@pytest.mark.parametrize("num_classes", [1, 4])
def test_agrees_with_pycocotools(scene_of, protocol, max_dets, num_classes):
    ranges = protocol_named(protocol).ranges()
    for seed in range(3):
        records = scene_of(seed, num_classes=num_classes)
        ours = size_binned_ap(records, num_classes, ranges, max_dets)
        for name, theirs in run_reference(records, num_classes, ranges, max_dets).items():
            for key, value in theirs.items():
                np.testing.assert_allclose(
                    getattr(ours[name], key), value, atol=1e-6, rtol=0, err_msg=f"{name} {key}"
                )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    images=st.integers(1, 4),
    classes=st.integers(1, 3),
    max_dets=st.integers(1, 20),
)
def test_agrees_with_pycocotools_on_anything(scene_of, seed, images, classes, max_dets):
    records = scene_of(seed, num_images=images, num_classes=classes)
    ours = size_binned_ap(records, classes, COCO_RANGES, max_dets)
    for name, theirs in run_reference(records, classes, COCO_RANGES, max_dets).items():
        for key, value in theirs.items():
            np.testing.assert_allclose(getattr(ours[name], key), value, atol=1e-6, rtol=0)


def test_agrees_with_the_printed_summary_of_pycocotools(scene_of):
    """Where both mean the same: COCO's own bins and cap."""
    records = scene_of(11, num_images=20)
    evaluator = reference(records, 3)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    f = size_binned_ap(records, 3, COCO_RANGES, 100)
    ours = [
        f["all"].ap,
        f["all"].ap50,
        f["all"].ap75,
        *(f[n].ap for n in ("small", "medium", "large")),
    ]
    ours += [f["all"].ar, *(f[n].ar for n in ("small", "medium", "large"))]
    np.testing.assert_allclose(
        ours, [*evaluator.stats[:6], *evaluator.stats[8:]], atol=1e-6, rtol=0
    )


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_recall_at_smaller_caps_agrees_with_pycocotools(scene_of, seed):
    """AI-TOD: one cap for AP, three for recall."""
    records = scene_of(seed, num_images=2, num_classes=1)
    ranges = protocol_named("aitod").ranges()
    ours = size_binned_ap(records, 1, ranges, 1500, (1, 3))
    for name, theirs in run_reference(records, 1, ranges, 1500, (1, 3)).items():
        figures = ours[name]
        found = [figures.ap, figures.ap50, figures.ap75, figures.ar, *figures.recall_at.values()]
        np.testing.assert_allclose(found, list(theirs.values()), atol=1e-6, rtol=0, err_msg=name)


def test_a_bin_does_not_depend_on_the_others(scene_of):
    """faster-coco-eval's summary moves its entries with the list of ranges; ours must not."""
    records = scene_of(3)
    full = size_binned_ap(records, 3, COCO_RANGES, 100)
    for name, span in COCO_RANGES.items():
        assert repr(size_binned_ap(records, 3, {name: span}, 100)[name]) == repr(full[name])
    backwards = size_binned_ap(records, 3, dict(reversed(COCO_RANGES.items())), 100)
    assert list(backwards) == ["large", "medium", "small", "all"]
    assert {n: repr(f) for n, f in backwards.items()} == {n: repr(f) for n, f in full.items()}


def test_convention_both_ends_of_a_range_belong_to_it(record_of):
    found = size_binned_ap([record_of(1, [[0, 0, 32, 32]])], 1, COCO_RANGES, 100)
    assert [found[n].count for n in ("all", "small", "medium", "large")] == [1, 1, 1, 0]


def test_a_crowd_counts_neither_way(record_of):
    """Ten detections inside a crowd cost nothing and find nothing."""
    crowd, alone = [0, 0, 100, 100], [200, 200, 240, 240]
    inside = [[i, i, i + 20, i + 20] for i in range(10)]
    record = record_of(
        1, [crowd, alone], [*inside, alone], scores=[0.9] * 10 + [0.5], ignore=[True, False]
    )
    found = size_binned_ap([record], 1, COCO_RANGES, 100)
    assert found["all"].ap == found["all"].ar == 1
    assert found["all"].count == 1
    exposed = dataclasses.replace(record, gt_ignore=np.array([False, False]))
    assert size_binned_ap([exposed], 1, COCO_RANGES, 100)["all"].ap < 0.2


def test_no_detections_at_all_is_zero(record_of):
    found = size_binned_ap([record_of(1, [[0, 0, 10, 10]])], 2, COCO_RANGES, 100)
    assert (found["all"].ap, found["all"].ar, found["all"].count) == (0, 0, 1)
    assert found["small"].ap == 0
    assert found["all"].class_ap[0] == 0
    assert math.isnan(found["all"].class_ap[1])


@pytest.mark.parametrize("ignored", [False, True])
def test_no_ground_truth_at_all_is_nan_and_count_zero(record_of, ignored):
    truth = [[0, 0, 50, 50]] if ignored else []
    for records in ([], [record_of(1, truth, [[0, 0, 10, 10]], ignore=[True] * len(truth))]):
        for figures in size_binned_ap(records, 2, COCO_RANGES, 100).values():
            assert figures.count == 0
            values = (figures.ap, figures.ap50, figures.ap75, figures.ar, *figures.class_ap)
            assert all(math.isnan(v) for v in values)


def test_an_empty_bin_is_nan_beside_full_ones(record_of):
    box = [0, 0, 10, 10]
    found = size_binned_ap([record_of(1, [box], [box, [0, 0, 50, 50]])], 1, COCO_RANGES, 100)
    assert found["small"].ap == 1
    assert math.isnan(found["medium"].ap)
    assert found["medium"].count == 0


def test_class_ap_averages_to_ap(scene_of):
    figures = size_binned_ap(scene_of(5, num_images=12), 3, COCO_RANGES, 100)["all"]
    assert np.mean(figures.class_ap) == pytest.approx(figures.ap, abs=1e-12)
    assert len(set(figures.class_ap)) == 3


def test_order_of_images_changes_nothing(scene_of):
    records = scene_of(7, num_images=12)
    forward, backward = (size_binned_ap(r, 3, COCO_RANGES, 100) for r in (records, records[::-1]))
    assert repr(forward) == repr(backward)


def test_ids_sort_as_numbers_then_names(record_of):
    records = [record_of(i) for i in ("b", 10, "a", 9)]
    assert [r.img_id for r in in_order(records)] == [9, 10, "a", "b"]


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (
            {"det_labels": [2]},
            "predicted labels must be in 0..1, image 7 has 2: the data set names 2 classes",
        ),
        ({"det_labels": [-1]}, "predicted labels must be in 0..1, image 7 has -1"),
        ({"gt_labels": [5]}, "annotated labels must be in 0..1, image 7 has 5"),
    ],
)
def test_a_label_outside_the_classes_is_an_error(record_of, labels, text):
    with pytest.raises(ValueError, match=text):
        size_binned_ap(
            [record_of(7, [[0, 0, 9, 9]], [[0, 0, 9, 9]], **labels)], 2, COCO_RANGES, 100
        )


@pytest.mark.parametrize(
    ("classes", "ranges", "max_dets"), [(1, COCO_RANGES, 0), (0, COCO_RANGES, 1), (1, {}, 1)]
)
def test_impossible_requests(classes, ranges, max_dets):
    with pytest.raises(ValueError, match="max_dets >= 1, num_classes >= 1 and at least one range"):
        size_binned_ap([], classes, ranges, max_dets)
