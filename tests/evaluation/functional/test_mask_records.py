"""AP of masks in both engines, against pycocotools; masks that are stored and read again."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmisr.evaluation.functional.coco_records import by_masks, load_records, save_records
from mmisr.evaluation.functional.coco_results import coco_results
from mmisr.evaluation.functional.image_record import image_record
from mmisr.evaluation.functional.mask_records import ImageMasks, encoded, mask_columns, masks_of
from mmisr.evaluation.functional.matching import match_classes
from mmisr.evaluation.functional.size_binned_ap import size_binned_ap
from mmisr.evaluation.functional.weighted_ap import weighted_ap
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric
from mmisr.evaluation.size_bins import protocol_named

HW = (150, 170)
CLASSES = ("car", "van", "bus")
FIGURES = ("ap", "ap50", "ap75", "ar")
STATS = {"AP": 0, "AP50": 1, "AP75": 2, "AP_small": 3, "AP_medium": 4, "AP_large": 5, "AR": 8}
"""Where pycocotools puts its figures."""

SIZES = {"AR_small": 9, "AR_medium": 10, "AR_large": 11}


def shapes(rng, count):
    """(N, H, W) bool: ellipses of every size, cut by a line so that no box tells their shape."""
    rows, cols = np.mgrid[0 : HW[0], 0 : HW[1]] + 0.5
    masks = np.zeros((count, *HW), dtype=bool)
    for mask in masks:
        y, x = rng.uniform(10, HW[0] - 10), rng.uniform(10, HW[1] - 10)
        down, across = np.exp(rng.uniform(np.log(2), np.log(70), 2))
        inside = ((rows - y) / down) ** 2 + ((cols - x) / across) ** 2 <= 1
        mask |= inside & (rows - y > (cols - x) * rng.normal())
        mask[int(y), int(x)] = True
    return masks


def moved(rng, masks):
    """Masks a few pixels off, with a bite taken out."""
    found = []
    for mask in masks:
        by = rng.integers(-3, 4, 2)
        shifted = np.roll(mask, tuple(by), (0, 1))
        shifted[:, : int(rng.integers(0, 20))] = False
        found.append(shifted)
    return np.array(found, dtype=bool).reshape(-1, *HW)


def tight_boxes(masks):
    rles = coco_mask.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8)))
    xywh = np.array([coco_mask.toBbox(rle) for rle in rles]).reshape(-1, 4)
    return torch.from_numpy(np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], 1))


def instances(masks, labels, **more):
    return {
        "bboxes": tight_boxes(masks),
        "labels": torch.from_numpy(labels),
        "areas": torch.from_numpy(masks.sum((1, 2)).astype(np.float64)),
        "masks": torch.from_numpy(masks),
        **more,
    }


def scene(seed, num_images=3):
    """Samples as dicts; the first image has no annotation, some are crowds."""
    rng = np.random.default_rng(seed)
    samples = []
    for image in range(num_images):
        count = int(rng.integers(2, 7)) if image else 0
        masks = shapes(rng, count)
        labels = rng.integers(0, len(CLASSES), count)
        copies = rng.integers(0, 3, count)
        false = shapes(rng, int(rng.integers(0, 3)))
        found = np.concatenate([moved(rng, np.repeat(masks, copies, 0)), false])
        found_labels = np.concatenate(
            [np.repeat(labels, copies), rng.integers(0, len(CLASSES), len(false))]
        )
        scores = torch.from_numpy(rng.random(len(found)).round(1))
        crowd = rng.random(count) < 0.2
        samples.append(
            {
                "img_id": image + 1,
                "img_path": f"{image}.png",
                "source_shape": HW,
                "lr_shape": (HW[0] // 2, HW[1] // 2),
                "category_ids": (1, 2, 3),
                "gt_instances": instances(masks[~crowd], labels[~crowd]),
                "ignored_instances": instances(masks[crowd], labels[crowd]),
                "pred_instances": instances(found, found_labels, scores=scores),
            }
        )
    return samples


def coco_of(samples):
    """The annotations as pycocotools has them, masks encoded by its own code."""
    rows = []
    for sample in samples:
        for key in ("gt_instances", "ignored_instances"):
            of_key = sample[key]
            for mask, label in zip(of_key["masks"], of_key["labels"].tolist(), strict=True):
                rle = coco_mask.encode(np.asfortranarray(mask.numpy().astype(np.uint8)))
                row = {"id": len(rows) + 1, "image_id": sample["img_id"], "category_id": label + 1}
                row |= {"iscrowd": int(key == "ignored_instances"), "segmentation": rle}
                row |= {"area": float(mask.sum()), "bbox": coco_mask.toBbox(rle).tolist()}
                rows.append(row)
    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [{"id": s["img_id"], "height": HW[0], "width": HW[1]} for s in samples],
        "categories": [{"id": i + 1, "name": name} for i, name in enumerate(CLASSES)],
        "annotations": rows,
    }
    coco.createIndex()
    return coco


def evaluated(samples, **keys):
    metric = SizeBinnedCocoMetric(iou_type="segm", **keys)
    metric.dataset_meta = {"classes": CLASSES}
    metric.process(None, samples)
    return metric.evaluate(len(samples)), metric


@pytest.mark.parametrize("seed", range(6))
def test_pycocotools_own_figures(seed, tmp_path, capsys):
    samples = scene(seed)
    keys = {"frame": "source", "area_source": "annotation"}
    figures, _ = evaluated(samples, **keys, outfile_prefix=str(tmp_path / "found"))
    coco = coco_of(samples)
    found = coco.loadRes(str(tmp_path / "found.segm.json"))
    reference = COCOeval(coco, found, "segm")
    reference.evaluate()
    reference.accumulate()
    reference.summarize()
    for name, place in (STATS | SIZES).items():
        expected = reference.stats[place]
        value = figures[f"segm/{name}"]
        assert value == pytest.approx(expected, abs=1e-6) or (expected == -1 and math.isnan(value))
    assert 0 < figures["segm/AP"] < 1
    boxes = COCOeval(coco, found, "bbox")
    boxes.evaluate()
    boxes.accumulate()
    boxes.summarize()
    if seed == 0:  # boxes and masks do not tell the same
        assert abs(boxes.stats[0] - figures["segm/AP"]) > 1e-3


@pytest.mark.parametrize("annotated", [False, True])
def test_both_engines_count_masks_alike(annotated):
    ranges = protocol_named("coco").ranges()
    for seed in range(3):
        area_source = "annotation" if annotated else "box"
        records = [image_record(s, "lr", area_source, "segm") for s in scene(seed)]
        records = [by_masks(record, annotated) for record in records]
        expected = size_binned_ap(records, len(CLASSES), ranges, 100)
        classes = match_classes(records, len(CLASSES), ranges, 100)
        found = weighted_ap(classes, list(ranges), np.ones((1, len(records)), dtype=np.int64))
        for name, figures in expected.items():
            for key in FIGURES:
                value = getattr(found[name], key)[0]
                assert value == pytest.approx(getattr(figures, key), abs=1e-9, nan_ok=True)


def test_sizes_of_detections_are_those_of_boxes_or_of_masks():
    """In the lr frame, where a pixel of the source is a quarter."""
    samples = scene(1)
    found = samples[1]["pred_instances"]
    x1, y1, x2, y2 = found["bboxes"].unbind(1)
    by_box = by_masks(image_record(samples[1], "lr", "box", "segm"))
    np.testing.assert_allclose(by_box.det_areas, (x2 - x1) * (y2 - y1) / 4, atol=2)
    by_mask = by_masks(image_record(samples[1], "lr", "annotation", "segm"), annotated_areas=True)
    expected = found["areas"].numpy() * (75 / 150) * (85 / 170)
    np.testing.assert_allclose(by_mask.det_areas, expected)


def test_records_keep_their_masks_on_disk(tmp_path):
    records = [image_record(s, "lr", "box", "segm") for s in scene(2)]
    save_records(tmp_path / "records.npz", records)
    loaded, _ = load_records(tmp_path / "records.npz")
    assert [r.masks for r in loaded] == [r.masks for r in records]
    masks = loaded[1].masks
    np.testing.assert_array_equal(
        masks.pixels(masks.det) > 0, scene(2)[1]["pred_instances"]["masks"]
    )
    assert masks.pixels(()).shape == (0, *HW)
    plain = [dataclasses.replace(record, masks=None) for record in records]
    save_records(tmp_path / "plain.npz", plain)
    assert [r.masks for r in load_records(tmp_path / "plain.npz")[0]] == [None] * 3
    assert mask_columns([masks, None]) == {}
    assert masks_of({}, 2) == [None, None]


def test_results_are_coco_results():
    records = [image_record(s, "lr", "box", "segm") for s in scene(2)]
    entries = coco_results(records, {r.img_id: (1, 2, 3) for r in records}, "segm")
    json.dumps(entries)
    first = records[1].masks.pixels(records[1].masks.det)[0]
    entry = next(e for e in entries if e["image_id"] == 2)
    np.testing.assert_array_equal(coco_mask.decode(entry["segmentation"]), first)


def test_an_image_on_which_nothing_is_found_needs_no_masks():
    sample = scene(0)[1]
    for key in ("bboxes", "labels", "scores"):
        sample["pred_instances"][key] = sample["pred_instances"][key][:0]
    del sample["pred_instances"]["masks"]
    assert image_record(sample, iou_type="segm").masks.det == ()


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("gt_instances", r"needs annotated masks \(mmdet.LoadAnnotations.*1.png has none"),
        ("pred_instances", "needs predicted masks .a detector that predicts them.*1.png has none"),
    ],
)
def test_masks_that_are_not_there(key, message):
    samples = scene(3)
    del samples[1][key]["masks"]
    with pytest.raises(ValueError, match=message):
        evaluated(samples)


def test_masks_of_another_frame_are_an_error():
    samples = scene(3)
    masks = samples[1]["pred_instances"]["masks"]
    samples[1]["pred_instances"]["masks"] = masks[:, ::2, ::2]
    with pytest.raises(ValueError, match=r"150, 170\) \(objects, height, width\).*75, 85"):
        evaluated(samples)
    with pytest.raises(ValueError, match="iou_type must be one of .*got 'mask'"):
        SizeBinnedCocoMetric(iou_type="mask")
    with pytest.raises(ValueError, match="'voc' has its own for boxes"):
        SizeBinnedCocoMetric(iou_type="segm", protocol="voc")
    record = image_record(scene(3)[1])
    with pytest.raises(ValueError, match="needs a record with masks, that of image 2 has none"):
        by_masks(record)


def test_names_of_both_metrics_do_not_clash():
    names = [SizeBinnedCocoMetric(iou_type=kind).figure_names() for kind in ("bbox", "segm")]
    assert names[1] == [name.replace("bbox/", "segm/") for name in names[0]]
    assert SizeBinnedCocoMetric(iou_type="segm").mmdet_names()["coco/segm_mAP"] == "segm/AP"
    assert ImageMasks(HW, (), ()).det_areas().shape == (0,)
    assert encoded(np.zeros((0, 3, 3))) == ()
