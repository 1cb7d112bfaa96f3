"""The metric: frames, sizes, samples, errors, and mmdet's own metric where both mean the same."""

import json
import math

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator

from mmisr.evaluation.functional.coco_records import load_records
from mmisr.evaluation.functional.size_binned_ap import size_binned_ap
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric
from mmisr.evaluation.size_bins import REGIONS_OF_A_CLASS, protocol_named
from mmisr.openmmlab.stack import prepare
from mmisr.registry import METRICS

CLASSES = ("car", "van", "bus")


def evaluate(samples, classes=CLASSES, **keys):
    metric = METRICS.build({"type": "mmisr.SizeBinnedCocoMetric", **keys})
    metric.dataset_meta = {"classes": classes}
    for sample in samples:
        metric.process(None, [sample])
    return {
        name.removeprefix("bbox/"): value for name, value in metric.evaluate(len(samples)).items()
    }, metric


def boxes(rows):
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


def zeros(rows):
    return torch.zeros(len(rows), dtype=torch.long)


def one_sample(gt, found, lr_shape=(160, 160), **more):
    scores = torch.linspace(0.9, 0.1, len(found))
    return {
        "img_id": 1,
        "source_shape": (640, 640),
        "lr_shape": lr_shape,
        "gt_instances": {"bboxes": boxes(gt), "labels": zeros(gt)},
        "ignored_instances": {"bboxes": boxes([]), "labels": zeros([])},
        "pred_instances": {"bboxes": boxes(found), "labels": zeros(found), "scores": scores},
        **more,
    }


def test_golden_sizes_are_those_of_lr_not_stale_hr():
    """Objects of 28 and 80 HR pixels are 7 and 20 LR pixels at x4; only the larger one is found.

    In LR both are small, and half of small is found: precision 1 up to recall 0.5, 51 of 101
    points. With stale HR areas small would read 0 and medium 1. AP without bins must not move.
    """
    sample = one_sample([[10, 10, 38, 38], [100, 100, 180, 180]], [[100, 100, 180, 180]])
    lr, _ = evaluate([sample], ("car",))
    stale, _ = evaluate([sample], ("car",), frame="source")
    assert (lr["count_small"], lr["count_medium"], lr["count_large"]) == (2, 0, 0)
    assert (stale["count_small"], stale["count_medium"], stale["count_large"]) == (1, 1, 0)
    assert lr["AP_small"] == pytest.approx(51 / 101, abs=1e-12)
    assert math.isnan(lr["AP_medium"])
    assert (stale["AP_small"], stale["AP_medium"]) == (0, 1)
    assert lr["AP"] == stale["AP"] == pytest.approx(51 / 101, abs=1e-12)
    aitod, _ = evaluate([sample], ("car",), protocol="aitod")
    assert [aitod[f"count_{n}"] for n in ("very_tiny", "tiny", "small", "medium")] == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("format_only", "annotated", "measures"),
    [(None, True, True), (None, False, False), (True, True, False), (False, False, True)],
)
def test_coco_results_carry_the_ids_of_the_annotation_file(
    tmp_path, format_only, annotated, measures
):
    gt = [[10, 10, 38, 38]] if annotated else []
    sample = one_sample(gt, [[10, 10, 38, 40]], category_ids=(17,))
    keys = {"outfile_prefix": str(tmp_path / "a" / "found"), "format_only": format_only}
    figures, _ = evaluate([sample], ("car",), **keys)
    entry = {
        "image_id": 1,
        "category_id": 17,
        "bbox": [10, 10, 28, 30],
        "score": pytest.approx(0.9),
    }
    assert json.loads((tmp_path / "a" / "found.bbox.json").read_text()) == [entry]
    assert bool(figures) is measures


def test_coco_results_need_a_file_and_ids(tmp_path):
    with pytest.raises(
        ValueError, match="format_only=True writes a file.*give outfile_prefix, got None"
    ):
        SizeBinnedCocoMetric(format_only=True)
    with pytest.raises(
        ValueError, match="image 1 has 0 of them, label 0 among its detections: .*SRCocoDataset"
    ):
        evaluate([one_sample([], [[1, 1, 9, 9]])], ("car",), outfile_prefix=str(tmp_path / "found"))


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_ap_without_bins_is_the_same_in_every_frame(scene_of, samples_of, factor):
    for seed in range(3):
        samples = samples_of(scene_of(seed), factor)
        lr, _ = evaluate(samples)
        source, _ = evaluate(samples, frame="source")
        assert [lr[n] for n in ("AP", "AP50", "AP75", "AR")] == [
            source[n] for n in ("AP", "AP50", "AP75", "AR")
        ]
        assert [lr[f"count_{n}"] for n in ("small", "medium")] != [
            source[f"count_{n}"] for n in ("small", "medium")
        ]


def test_convention_factors_are_per_axis():
    """40 x 40 in a source of 640 x 640 becomes 10 x 40 where LR is 640 high and 160 wide.

    400 px^2, not 100 or 1600.
    """
    sample = one_sample([[0, 0, 40, 40]], [], lr_shape=(640, 160))
    _, metric = evaluate([sample], ("car",))
    assert metric.records[0].gt_areas.tolist() == [400]
    assert metric.records[0].gt_xyxy.tolist() == [[0, 0, 40, 40]]


def test_native_lr_measures_as_it_is():
    sample = one_sample([[0, 0, 31, 31]], [], lr_shape=(640, 640))
    assert evaluate([sample], ("car",))[0]["count_small"] == 1


def test_annotated_areas(samples_of, record_of):
    """A mask of 70 % of its box of 40 x 40.

    1120 px^2 is medium, 70 px^2 of LR is tiny, its box of 100 too.
    """
    samples = samples_of([record_of(1, [[0, 0, 40, 40]], [[0, 0, 40, 40]])])
    _, metric = evaluate(samples, ("car",), area_source="annotation")
    assert metric.records[0].gt_areas == pytest.approx([70])
    assert metric.records[0].det_areas == pytest.approx([100])
    source, _ = evaluate(samples, ("car",), area_source="annotation", frame="source")
    assert source["count_medium"] == 1
    del samples[0]["gt_instances"]["areas"]
    with pytest.raises(
        ValueError, match=r"needs gt_instances.areas, the sample of 1.png has none; pack"
    ):
        evaluate(samples, ("car",), area_source="annotation")


def test_agrees_with_the_metric_of_mmdet(scene_of, samples_of, tmp_path):
    """Same boxes, COCO's own bins and areas: equal to the three digits that mmdet keeps."""
    prepare()
    from mmdet.evaluation.metrics import CocoMetric

    records = scene_of(21, num_images=12)
    annotations = []
    for r in records:
        for box, label, area, ignore in zip(
            r.gt_xyxy, r.gt_labels, r.gt_areas, r.gt_ignore, strict=True
        ):
            bbox = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
            key = {"id": len(annotations) + 1, "image_id": r.img_id, "category_id": int(label)}
            annotations.append({**key, "bbox": bbox, "area": area * 0.7, "iscrowd": int(ignore)})
    file = tmp_path / "annotations.json"
    content = {
        "images": [{"id": r.img_id, "height": 640, "width": 640} for r in records],
        "annotations": annotations,
    }
    categories = [{"id": i, "name": name} for i, name in enumerate(CLASSES)]
    file.write_text(json.dumps({**content, "categories": categories}))
    theirs = CocoMetric(ann_file=str(file), metric="bbox")
    theirs.dataset_meta = {"classes": CLASSES}
    samples = samples_of(records)
    theirs.process({}, [{**s, "ori_shape": (640, 640)} for s in samples])
    reference = theirs.evaluate(len(samples))
    ours, _ = evaluate(samples, frame="source", area_source="annotation")
    names = {
        "AP": "mAP",
        "AP50": "mAP_50",
        "AP75": "mAP_75",
        "AP_small": "mAP_s",
        "AP_medium": "mAP_m",
    }
    for our_name, their_name in {**names, "AP_large": "mAP_l"}.items():
        assert ours[our_name] == pytest.approx(reference[f"coco/bbox_{their_name}"], abs=6e-4)


def test_figures_are_not_rounded(scene_of, samples_of):
    records = scene_of(4, num_images=8)
    ours, _ = evaluate(samples_of(records), frame="source")
    assert ours["AP"] == size_binned_ap(records, 3, protocol_named("coco").ranges(), 100)["all"].ap
    assert ours["AP"] != round(ours["AP"], 6)


def test_records_are_kept_and_stored(scene_of, samples_of, tmp_path):
    """What a bootstrap over images starts from."""
    file = tmp_path / "lr.npz"
    ours, metric = evaluate(samples_of(scene_of(2)), records_file=str(file), max_dets=50)
    records, meta = load_records(file)
    assert meta == {
        "protocol": "coco",
        "classes": list(CLASSES),
        "frame": "lr",
        "area_source": "box",
        "max_dets": 50,
        "iou_type": "bbox",
    }
    assert [r.img_id for r in records] == [r.img_id for r in metric.records] == [1, 2, 3, 4, 5, 6]
    again = size_binned_ap(records, 3, protocol_named("coco").ranges(), 50)
    assert again["small"].ap == ours["AP_small"]


def test_classwise(scene_of, samples_of):
    ours, _ = evaluate(samples_of(scene_of(2)), classwise=True)
    per_class = [ours[f"AP_class_{name}"] for name in CLASSES]
    assert np.mean(per_class) == pytest.approx(ours["AP"], abs=1e-12)
    assert not any(name.startswith("AP_class") for name in evaluate(samples_of(scene_of(2)))[0])


def test_names_of_the_figures(scene_of, samples_of):
    metric = SizeBinnedCocoMetric(protocol="aitod", prefix="arm")
    metric.dataset_meta = {"classes": CLASSES}
    metric.process(None, samples_of(scene_of(0)))
    bins = ("very_tiny", "tiny", "small", "medium")
    binned = [f"{figure}_{name}" for name in bins for figure in ("AP", "AP50", "AR", "count")]
    assert list(metric.evaluate(6)) == [
        f"arm/{n}" for n in ("AP", "AP50", "AP75", "AR", "count", *binned, "AR@1", "AR@100")
    ]


def test_the_log_has_the_table(scene_of, samples_of, monkeypatch):
    from mmengine.logging import MMLogger

    lines = []
    monkeypatch.setattr(MMLogger.get_current_instance(), "info", lines.append)
    evaluate([one_sample([[0, 0, 40, 40]], [[0, 0, 40, 40]])], ("car",))
    table = lines[-1].strip().splitlines()
    assert table[0] == "AP by object size (coco, sizes in lr pixels, max_dets 100)"
    assert table[1].split() == ["size", "boxes", "AP", "AP50", "AP75", "AR"]
    assert table[2].split() == ["all", "1", "1.000", "1.000", "1.000", "1.000"]
    assert table[4].split() == ["medium", "0", "-", "-", "-", "-"]


def marked(gt, found, *marks):
    sample = one_sample(gt, found)
    sample["gt_instances"]["marks"] = torch.tensor(marks)
    return sample


def test_a_protocol_of_its_own_rules(monkeypatch):
    """TinyPerson: three thresholds, an uncertain person, and what is otherwise than in its tool."""
    from mmengine.logging import MMLogger

    lines = []
    monkeypatch.setattr(MMLogger.get_current_instance(), "info", lines.append)
    sample = marked([[0, 0, 64, 64], [200, 0, 240, 40]], [[0, 0, 40, 64], [200, 0, 240, 40]], 0, 8)
    found, metric = evaluate([sample], ("person",), protocol="tinyperson", max_dets=50)
    assert (found["AP25"], found["AP50"], found["AP75"]) == (1, 1, 0)
    assert (found["count"], found["count_tiny"], found["AP25_tiny3"]) == (1, 1, 1)
    assert [f"bbox/{name}" for name in found] == metric.figure_names()
    assert metric.mmdet_names() == {}
    assert len(metric.records[0].gt_labels) == 2
    table = lines[-1].strip().splitlines()
    assert table[0] == "AP by object size (tinyperson, sizes in lr pixels, max_dets 50)"
    assert table[1].split() == ["size", "boxes", "AP", "AP25", "AP50", "AP75", "AR"]
    said = [line for line in table if line.startswith("not as in the benchmark's own tool: ")]
    assert [line.partition(": ")[2] for line in said] == metric.deviations()
    assert "max_dets 50, where the protocol has max_dets 200" in metric.deviations()


def test_recall_at_fewer_detections(monkeypatch):
    from mmengine.logging import MMLogger

    lines = []
    monkeypatch.setattr(MMLogger.get_current_instance(), "info", lines.append)
    gt = [[0, 0, 40, 40], [100, 0, 140, 40], [200, 0, 240, 40], [300, 0, 340, 40]]
    for protocol in ("coco", "visdrone"):
        found, _ = evaluate([one_sample(gt, gt)], ("car",), protocol=protocol)
        assert (found["AR@1"], found["AR@10"], found["AR"]) == (0.25, 1, 1)
    assert "AR at fewer detections" in lines[-1]
    assert "AR@10" not in evaluate([one_sample(gt, gt)], ("car",), max_dets=5)[0]


def test_both_frames_stand_beside_each_other():
    """Two metrics with a prefix each: sizes of the file, and those that the sensor saw."""
    sample = one_sample([[10, 10, 90, 90]], [[10, 10, 90, 90]])
    lr, _ = evaluate([sample], ("car",), protocol="visdrone", prefix="lr")
    source, _ = evaluate([sample], ("car",), protocol="visdrone", prefix="file", frame="source")
    assert (lr["lr/AP_small"], source["file/AP_medium"]) == (1, 1)
    assert lr["lr/AP"] == source["file/AP"] == 1


def test_subsets_that_no_annotation_names():
    with pytest.raises(ValueError, match="none of 1 annotations is in one"):
        evaluate([one_sample([[0, 0, 9, 9]], [])], ("face",), protocol="wider")


def test_nothing_found_and_nothing_to_find():
    assert evaluate([one_sample([[0, 0, 9, 9]], [])], ("car",))[0]["AP"] == 0
    empty, _ = evaluate([one_sample([], [[0, 0, 9, 9]])], ("car",))
    assert math.isnan(empty["AP"])
    assert empty["count"] == 0
    assert math.isnan(evaluate([], ("car",))[0]["AP"])


def test_one_class_given_as_a_word():
    assert (
        evaluate([one_sample([[0, 0, 9, 9]], [])], "tree", classwise=True)[0]["AP_class_tree"] == 0
    )


def test_boxes_of_half_precision_and_of_a_graph():
    sample = one_sample([[0, 0, 8, 8]], [[0, 0, 8, 8]])
    found = sample["pred_instances"]
    found["scores"] = found["scores"].half().requires_grad_()
    found["bboxes"] = found["bboxes"].half()
    assert evaluate([sample], ("car",))[0]["AP"] == 1


def test_boxes_of_mmdets_own_type():
    """PackDetInputs of mmdet leaves HorizontalBoxes where it was told to."""
    prepare()
    from mmdet.structures.bbox import HorizontalBoxes

    sample = one_sample([[0, 0, 8, 8]], [[0, 0, 8, 8]])
    sample["gt_instances"]["bboxes"] = HorizontalBoxes(sample["gt_instances"]["bboxes"])
    assert evaluate([sample], ("car",))[0]["AP"] == 1


def test_runs_inside_an_evaluator():
    from mmengine.structures import BaseDataElement, InstanceData

    raw = one_sample([[0, 0, 8, 8]], [[0, 0, 8, 8]])
    meta = {k: v for k, v in raw.items() if not isinstance(v, dict)}
    data = {k: InstanceData(**v) for k, v in raw.items() if isinstance(v, dict)}
    evaluator = Evaluator(METRICS.build({"type": "mmisr.SizeBinnedCocoMetric"}))
    evaluator.dataset_meta = {"classes": ("car",)}
    evaluator.process([BaseDataElement(metainfo=meta, **data)])
    assert evaluator.evaluate(1)["bbox/AP"] == 1


def test_a_predicted_label_outside_the_classes_stops_at_the_image():
    sample = one_sample([[0, 0, 8, 8]], [[0, 0, 8, 8]])
    sample["pred_instances"]["labels"] += 3
    metric = SizeBinnedCocoMetric()
    metric.dataset_meta = {"classes": CLASSES}
    with pytest.raises(
        ValueError, match=r"predicted labels must be in 0..2, image 1 has 3: .*num_classes"
    ):
        metric.process(None, [sample])


@pytest.mark.parametrize(
    ("absent", "text"),
    [
        (
            "lr_shape",
            r"bins in the lr frame need \['lr_shape'\].*PackSRDetInputs, or set frame='source'",
        ),
        ("source_shape", r"need \['source_shape'\]"),
        (
            "gt_instances",
            "needs gt_instances, which the sample of 1 does not have; ground truth comes from "
            "LoadAnnot",
        ),
        ("pred_instances", "needs pred_instances"),
        ("img_id", "needs img_id"),
    ],
)
def test_a_sample_that_cannot_be_measured(absent, text):
    sample = one_sample([[0, 0, 8, 8]], [])
    del sample[absent]
    with pytest.raises(ValueError, match=text):
        evaluate([sample], ("car",))


def test_samples_without_ignored_instances_are_fine():
    sample = one_sample([[0, 0, 8, 8]], [])
    del sample["ignored_instances"]
    assert evaluate([sample], ("car",))[0]["count"] == 1


def test_classes_must_be_known():
    with pytest.raises(ValueError, match=r"needs dataset_meta\['classes'\], found none"):
        evaluate([one_sample([[0, 0, 8, 8]], [])], ())


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"protocol": "kitti"}, "protocol must be one of"),
        ({"frame": "sr"}, "frame must be 'lr' or 'source', got 'sr'"),
        ({"area_source": "mask"}, "area_source must be 'box' or 'annotation', got 'mask'"),
        ({"max_dets": 0}, "max_dets must be >= 1, or None for the protocol's own, got 0"),
    ],
)
def test_constructor_errors(keys, text):
    with pytest.raises(ValueError, match=text):
        SizeBinnedCocoMetric(**keys)


def test_an_unknown_key_fails_by_name():
    with pytest.raises(TypeError, match="max_det"):
        METRICS.build({"type": "mmisr.SizeBinnedCocoMetric", "max_det": 3})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_samples_on_a_gpu_give_the_same(scene_of, samples_of):
    samples = samples_of(scene_of(2))
    on_gpu = [
        {k: {n: t.cuda() for n, t in v.items()} if isinstance(v, dict) else v for k, v in s.items()}
        for s in samples
    ]
    assert repr(evaluate(on_gpu, collect_device="gpu")[0]) == repr(evaluate(samples)[0])


@pytest.mark.parametrize(("protocol", "is_said"), [("coco", True), ("visdrone", False)])
def test_regions_that_excuse_one_class_alone_are_said(protocol, is_said):
    _, metric = evaluate([marked([[0, 0, 64, 64]], [], 4)], ("person",), protocol=protocol)
    assert (REGIONS_OF_A_CLASS in metric.deviations()) == is_said
    metric.records = []
    assert REGIONS_OF_A_CLASS not in metric.deviations()
