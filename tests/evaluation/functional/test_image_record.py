"""From a sample to its record: its boxes, the frame of its sizes, and what is refused."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmisr.evaluation.functional.image_record import image_record

SOURCE = (640, 320)
"""Height and width of the annotated image."""


def boxes(rows):
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


def instances(rows, **columns):
    return {"bboxes": boxes(rows), "labels": torch.arange(len(rows)), **columns}


def sample_of(gt=(), found=(), ignored=None, lr_shape=SOURCE, **more):
    sample = {
        "img_id": 7,
        "source_shape": SOURCE,
        "lr_shape": lr_shape,
        "gt_instances": instances(gt),
        "pred_instances": instances(found, scores=torch.linspace(1, 0.5, len(found))),
    }
    if ignored is not None:
        sample["ignored_instances"] = instances(ignored)
    return {**sample, **more}


OBJECT = [8.0, 16.0, 24.0, 48.0]
"""16 x 32 pixels of the source."""

CROWD = [0.0, 0.0, 100.0, 100.0]


@pytest.mark.parametrize(
    ("sample", "num_truths", "ignore", "num_detections"),
    [
        (sample_of(), 0, [], 0),
        (sample_of([], [], []), 0, [], 0),
        (sample_of([], [OBJECT]), 0, [], 1),
        (sample_of([OBJECT], []), 1, [False], 0),
        (sample_of([], [], [CROWD]), 1, [True], 0),
        (sample_of([OBJECT, OBJECT], [OBJECT], [CROWD]), 3, [False, False, True], 1),
    ],
    ids=["empty", "nothing ignored", "found alone", "missed", "a crowd alone", "all"],
)
def test_what_is_in_a_record(sample, num_truths, ignore, num_detections):
    record = image_record(sample)
    assert record.img_id == 7
    assert record.gt_xyxy.shape == (num_truths, 4)
    assert record.gt_ignore.tolist() == ignore
    assert record.gt_labels.shape == record.gt_areas.shape == (num_truths,)
    assert record.det_xyxy.shape == (num_detections, 4)
    assert record.det_labels.shape == record.det_areas.shape == (num_detections,)
    columns = {n: v for n, v in vars(record).items() if isinstance(v, np.ndarray)}
    types = {name: column.dtype for name, column in columns.items()}
    assert types["gt_ignore"] == np.bool_
    assert {types[f"{side}_labels"] for side in ("gt", "det")} == {np.dtype(np.int64)}
    floats = ("gt_xyxy", "gt_areas", "det_xyxy", "det_areas", "det_scores")
    assert {types[name] for name in floats} == {np.dtype(np.float64)}


@pytest.mark.parametrize(
    ("frame", "lr_shape", "area"),
    [
        ("source", (160, 80), 16 * 32),
        ("source", SOURCE, 16 * 32),
        ("lr", (160, 80), 4 * 8),  # simulated at x1/4
        ("lr", (160, 80, 3), 4 * 8),  # with channels, as mmdet writes shapes
        ("lr", SOURCE, 16 * 32),  # native
        ("lr", (640, 80), 4 * 32),  # each axis has its own factor
        ("lr", (213, 107), (16 * 107 / 320) * (32 * 213 / 640)),  # the integer shapes decide
    ],
)
def test_convention_sizes_are_measured_in_the_frame_of_the_bins(frame, lr_shape, area):
    record = image_record(sample_of([OBJECT], [OBJECT], [OBJECT], lr_shape), frame)
    assert record.gt_areas == pytest.approx([area, area], rel=1e-12)
    assert record.det_areas == pytest.approx([area], rel=1e-12)
    assert record.gt_xyxy.tolist() == [OBJECT, OBJECT]
    assert record.det_xyxy.tolist() == [OBJECT]


def test_annotated_areas_are_scaled_and_detections_keep_their_boxes():
    sample = sample_of([OBJECT], [OBJECT], [CROWD], (160, 80))
    sample["gt_instances"]["areas"] = torch.tensor([320.0])
    sample["ignored_instances"]["areas"] = torch.tensor([1600.0])
    record = image_record(sample, "lr", "annotation")
    assert record.gt_areas.tolist() == [20, 100]
    assert record.det_areas.tolist() == [32]
    assert image_record(sample, "source", "annotation").gt_areas.tolist() == [320, 1600]


def test_marks_come_with_the_sample_or_are_those_of_crowds():
    sample = {
        "img_id": 7,
        "source_shape": (64, 64),
        "lr_shape": (16, 16),
        "gt_instances": {"bboxes": torch.ones(2, 4), "labels": [0, 0]},
        "ignored_instances": {"bboxes": torch.ones(1, 4), "labels": [0]},
        "pred_instances": {"bboxes": torch.zeros(0, 4), "labels": [], "scores": []},
    }
    assert image_record(sample).gt_marks.tolist() == [0, 0, 2]
    sample["gt_instances"]["marks"] = torch.tensor([8, 224])
    sample["ignored_instances"]["marks"] = torch.tensor([6])
    assert image_record(sample).gt_marks.tolist() == [8, 224, 6]


def test_instances_of_mmengine_ids_that_are_names_and_category_ids():
    sample = sample_of([OBJECT], [OBJECT], img_id="a/b.png", category_ids=[17, 18])
    for key in ("gt_instances", "pred_instances"):
        sample[key] = InstanceData(**sample[key])
    sample["ignored_instances"] = InstanceData()
    record = image_record(sample)
    assert (record.img_id, record.category_ids) == ("a/b.png", (17, 18))
    assert record.gt_ignore.tolist() == [False]


@pytest.mark.parametrize(
    ("absent", "text"),
    [
        ("lr_shape", r"bins in the lr frame need \['lr_shape'\], which the sample of 7 does not"),
        ("source_shape", r"need \['source_shape'\].*, or set frame='source'"),
        ("gt_instances", "needs gt_instances, which the sample of 7 does not have; ground truth"),
        ("pred_instances", "needs pred_instances.* predictions from the detector"),
        ("img_id", "needs img_id, which the sample of x.png does not have"),
    ],
)
def test_what_a_sample_lacks_is_named(absent, text):
    sample = sample_of([OBJECT], [OBJECT])
    if absent == "img_id":
        sample["img_path"] = "x.png"
    del sample[absent]
    with pytest.raises(ValueError, match=text):
        image_record(sample)


def test_the_source_frame_needs_no_shapes_and_annotated_areas_need_areas():
    sample = sample_of([OBJECT], [OBJECT])
    del sample["lr_shape"], sample["source_shape"]
    assert image_record(sample, "source").gt_areas.tolist() == [512]
    with pytest.raises(ValueError, match=r"needs gt_instances.areas, the sample of 7 has none"):
        image_record(sample, "source", "annotation")
