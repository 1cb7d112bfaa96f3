"""Which class was taken for which: predictions that a test wrote against the data set's boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.fileio import load
from mmengine.structures import InstanceData
from torch import Tensor
from torchvision.ops import batched_nms
from tqdm import tqdm

from mmisr.evaluation.functional.confusion import confusion
from mmisr.openmmlab.detector import DetDataSample

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Thresholds:
    """What counts as a prediction, and what as the same object.

    Args:
        score: Predictions of at least this score count, from 0 to 1.
        iou: Overlap from which on two boxes may be one object, from 0 to 1.
        nms_iou: Predictions of one class that overlap more than this with a better one are left out
            first, beside what the detector left out itself; None for no more.

    Raises:
        ValueError: ``nms_iou`` is no share.
    """

    score: float = 0.3
    iou: float = 0.5
    nms_iou: float | None = None

    def __post_init__(self) -> None:
        if self.nms_iou is not None and not 0 < self.nms_iou <= 1:
            raise ValueError(f"nms_iou_thr must be above 0 and at most 1, got {self.nms_iou}")


@dataclass(frozen=True)
class PredictionFile:
    """What ``tools/test.py --out`` wrote.

    Args:
        path: The file.
        samples: A data sample per image, as a dict.
    """

    path: str
    samples: list[dict]

    @classmethod
    def read(cls, path: str) -> PredictionFile:
        """Read a file. It is a pickle, which can run code: only one you made yourself.

        Raises:
            FileNotFoundError: There is no such file.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(
                f"{path} does not exist; make it with tools/test.py CONFIG CHECKPOINT --out "
                "FILE.pkl"
            )
        return cls(path, load(path))

    def keys(self) -> tuple[str, ...]:
        """What tells images apart.

        Their ids, and their files where the parts of a concatenation count alike.

        Raises:
            ValueError: Neither does.
        """
        for keys in (("img_id",), ("img_id", "img_path")):
            different = {key_of(sample, keys) for sample in self.samples}
            if len(different) == len(self.samples):
                return keys
        raise ValueError(
            f"{self.path} has several images of one id and one file, so that predictions and "
            "annotations cannot be brought together: give every image of a concatenation an id of "
            "its own"
        )


def key_of(image: Any, keys: Sequence[str]) -> Key:
    """What an image is known by.

    Args:
        image: A dict of its facts.
        keys: Which of them, see :meth:`PredictionFile.keys`.
    """
    return tuple(image.get(key) for key in keys)


def count_confusions(dataset: Any, file: PredictionFile, thresholds: Thresholds) -> Tensor:
    """Count over a data set.

    Args:
        dataset: A built data set, whose pipeline packs annotated boxes.
        file: Predictions for each of its images.
        thresholds: What counts.

    Returns:
        (K + 1, K + 1) counts for K classes: rows annotated, columns predicted, background last.

    Raises:
        ValueError: The predictions are not those of this data set.
    """
    keys = file.keys()
    predicted = {key_of(sample, keys): sample["pred_instances"] for sample in file.samples}
    num_classes = len(dataset.metainfo["classes"])
    total = torch.zeros((num_classes + 1, num_classes + 1), dtype=torch.long)
    # By key, because several processes may have written predictions in another order.
    for number in tqdm(range(len(dataset)), desc="confusion", unit="image"):
        truth = dataset[number]["data_samples"]
        key = key_of(truth.metainfo, keys)
        if key not in predicted:
            raise ValueError(
                f"{file.path} has no image {truth.img_id!r} of the test set; test again with it"
            )
        predictions = _best(predicted[key], thresholds)
        total += _count(truth, predictions, num_classes, thresholds.iou)
    return total


def _best(predictions: dict[str, Tensor], thresholds: Thresholds) -> dict[str, Tensor]:
    """Boxes and labels of the predictions that count, best first."""
    scores = predictions["scores"]
    num_good = int((scores >= thresholds.score).sum())
    # The better prediction takes its object first.
    order = scores.argsort(descending=True)[:num_good]
    boxes = predictions["bboxes"][order]
    labels = predictions["labels"][order]
    if thresholds.nms_iou is not None:
        apart = batched_nms(boxes.float(), scores[order], labels, thresholds.nms_iou)
        boxes, labels = boxes[apart], labels[apart]
    return {"bboxes": boxes, "labels": labels}


def _count(
    truth: DetDataSample, predictions: dict[str, Tensor], num_classes: int, iou_thr: float
) -> Tensor:
    """The counts of one image."""
    labels = predictions["labels"]
    if len(labels) and int(labels.max()) >= num_classes:
        raise ValueError(
            f"the predictions have a class {int(labels.max())}, the config has {num_classes}: give "
            "the config that was tested"
        )
    annotated = truth.gt_instances
    ignored = None
    if "ignored_instances" in truth:
        ignored = xyxy_of(truth.ignored_instances)
    return confusion(
        xyxy_of(annotated),
        annotated.labels,
        predictions["bboxes"],
        labels,
        num_classes,
        iou_thr,
        ignored,
    )


def xyxy_of(instances: InstanceData) -> Tensor:
    """(N, 4) boxes; mmdet's own packing leaves them in a type of its own."""
    return getattr(instances.bboxes, "tensor", instances.bboxes).reshape(-1, 4)
