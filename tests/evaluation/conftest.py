"""Random scenes: annotations and noisy detections, with ties, crowds and empty images."""

import numpy as np
import pytest
import torch

from mmisr.evaluation.functional.coco_records import ImageRecord


def areas_of(xyxy, scale_xy=(1.0, 1.0)):
    return (xyxy[:, 2] - xyxy[:, 0]) * scale_xy[0] * (xyxy[:, 3] - xyxy[:, 1]) * scale_xy[1]


def make_record(
    img_id, gt=(), det=(), gt_labels=None, det_labels=None, scores=None, ignore=None
) -> ImageRecord:
    """A record from plain lists; sizes are those of the boxes."""
    gt, det = (np.asarray(b, dtype=np.float64).reshape(-1, 4) for b in (gt, det))
    return ImageRecord(
        img_id=img_id,
        gt_xyxy=gt,
        gt_labels=np.asarray(np.zeros(len(gt)) if gt_labels is None else gt_labels, dtype=np.int64),
        gt_areas=areas_of(gt),
        gt_ignore=np.asarray(np.zeros(len(gt)) if ignore is None else ignore, dtype=bool),
        det_xyxy=det,
        det_labels=np.asarray(
            np.zeros(len(det)) if det_labels is None else det_labels, dtype=np.int64
        ),
        det_scores=np.asarray(np.ones(len(det)) if scores is None else scores, dtype=np.float64),
        det_areas=areas_of(det),
    )


def make_scene(
    seed: int, num_images: int = 6, num_classes: int = 3, extent: int = 640
) -> list[ImageRecord]:
    """Boxes of every size bin.

    Detections are jittered copies, of another class at times, and false ones.
    """
    rng = np.random.default_rng(seed)
    records = []
    for image in range(num_images):
        count = int(rng.integers(0, 12)) if image else 0  # the first image is empty
        side = np.exp(rng.uniform(np.log(3), np.log(200), (count, 2)))
        corner = rng.uniform(0, extent - 200, (count, 2))
        gt = np.concatenate([corner, corner + side], axis=1).round(1)
        labels = rng.integers(0, num_classes, count)
        copies = rng.integers(0, 3, count)
        jitter = rng.normal(0, 0.12, (copies.sum(), 4)) * np.repeat(
            np.tile(side, 2), copies, axis=0
        )
        seen = np.repeat(gt, copies, axis=0) + jitter
        seen[:, 2:] = np.maximum(seen[:, 2:], seen[:, :2] + 1)
        false = rng.uniform(0, extent / 2, (int(rng.integers(0, 6)), 4))
        false[:, 2:] += false[:, :2]
        found = np.concatenate([seen, false])
        swapped = np.where(rng.random(len(seen)) < 0.15, 0, np.repeat(labels, copies))
        found_labels = np.concatenate([swapped, rng.integers(0, num_classes, len(false))])
        scores = rng.random(len(found)).round(1)  # rounded: many ties
        ignore = rng.random(count) < 0.2
        records.append(make_record(image + 1, gt, found, labels, found_labels, scores, ignore))
    return records


def make_samples(records, lr_factor=4, masks=0.7) -> list[dict]:
    """Records as the dicts that an Evaluator hands to a metric."""
    samples = []
    for r in records:
        gt, areas = torch.from_numpy(r.gt_xyxy), torch.from_numpy(r.gt_areas * masks)
        labels, ignore = torch.from_numpy(r.gt_labels), torch.from_numpy(r.gt_ignore)
        sample = {
            "img_id": r.img_id,
            "img_path": f"{r.img_id}.png",
            "source_shape": (640, 640),
            "lr_shape": (640 // lr_factor, 640 // lr_factor),
            "pred_instances": {
                "bboxes": torch.from_numpy(r.det_xyxy),
                "labels": torch.from_numpy(r.det_labels),
                "scores": torch.from_numpy(r.det_scores),
            },
        }
        for field, mask in (("gt_instances", ~ignore), ("ignored_instances", ignore)):
            sample[field] = {"bboxes": gt[mask], "labels": labels[mask], "areas": areas[mask]}
        samples.append(sample)
    return samples


@pytest.fixture(scope="session")
def record_of():
    return make_record


@pytest.fixture(scope="session")
def scene_of():
    return make_scene


@pytest.fixture(scope="session")
def samples_of():
    return make_samples
