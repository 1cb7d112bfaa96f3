"""Predictions of a file against a data set, image by image; the counting of one image is pure."""

import pytest
import torch
from mmengine.structures import InstanceData

from mmisr.analysis.confusion import PredictionFile, Thresholds, count_confusions
from mmisr.openmmlab.detector import DetDataSample

BOX = [0.0, 0.0, 10.0, 10.0]
NEAR = [0.0, 0.0, 10.0, 9.0]
FAR = [50.0, 50.0, 60.0, 60.0]


class Images(list):
    """A built data set: packed samples, with the names of its classes."""

    metainfo = {"classes": ("thing", "stuff")}


def sample(img_id, boxes, labels, path="a.png"):
    truth = InstanceData(bboxes=torch.tensor(boxes), labels=torch.tensor(labels))
    meta = {"img_id": img_id, "img_path": path}
    return {"data_samples": DetDataSample(metainfo=meta, gt_instances=truth)}


def predicted(img_id, boxes, labels, scores, path="a.png"):
    instances = {
        "bboxes": torch.tensor(boxes),
        "labels": torch.tensor(labels),
        "scores": torch.tensor(scores),
    }
    return {"img_id": img_id, "img_path": path, "pred_instances": instances}


def test_images_are_brought_together_whatever_their_order():
    images = Images([sample(1, [BOX], [0]), sample(2, [FAR], [1])])
    rows = [predicted(2, [FAR], [0], [0.9]), predicted(1, [BOX], [0], [0.9])]
    counts = count_confusions(images, PredictionFile("p.pkl", rows), Thresholds())
    assert counts.tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("thresholds", "thing", "invented"),
    [
        (Thresholds(), 1, 1),  # the second box on the object is invented
        (Thresholds(nms_iou=0.5), 1, 0),
        (Thresholds(score=0.7), 1, 0),
        (Thresholds(score=0.95), 0, 0),
        (Thresholds(iou=0.95), 1, 1),
    ],
)
def test_thresholds_choose_what_counts(thresholds, thing, invented):
    images = Images([sample(1, [BOX], [0])])
    rows = [predicted(1, [NEAR, BOX], [0, 0], [0.5, 0.9])]
    counts = count_confusions(images, PredictionFile("p.pkl", rows), thresholds)
    assert (int(counts[0, 0]), int(counts[2, 0])) == (thing, invented)


def test_files_tell_images_of_one_id_apart():
    rows = [predicted(1, [BOX], [0], [0.9], path) for path in ("a.png", "b.png")]
    assert PredictionFile("p.pkl", rows).keys() == ("img_id", "img_path")
    with pytest.raises(ValueError, match="p.pkl has several images of one id and one file"):
        PredictionFile("p.pkl", [rows[0], rows[0]]).keys()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (predicted(3, [BOX], [0], [0.9]), "p.pkl has no image 1 of the test set"),
        (predicted(1, [BOX], [2], [0.9]), "have a class 2, the config has 2"),
    ],
)
def test_predictions_of_another_test_set(row, message):
    with pytest.raises(ValueError, match=message):
        count_confusions(
            Images([sample(1, [BOX], [0])]), PredictionFile("p.pkl", [row]), Thresholds()
        )


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="make it with tools/test.py CONFIG CHECKPOINT"):
        PredictionFile.read(str(tmp_path / "gone.pkl"))


def test_a_share_is_a_share():
    with pytest.raises(ValueError, match="nms_iou_thr must be above 0 and at most 1, got 3"):
        Thresholds(nms_iou=3)
