"""What ``tools/analysis/confusion_matrix.py`` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmengine.fileio import load
from mmengine.structures import InstanceData
from torch import Tensor
from torchvision.ops import batched_nms
from tqdm import tqdm

from mmisr.apis.config_errors import names_config
from mmisr.apis.configs import read_config
from mmisr.evaluation.functional.confusion import confusion
from mmisr.evaluation.functional.tables import render_table
from mmisr.openmmlab.detector import DetDataSample
from mmisr.registry import DATASETS
from mmisr.reports.plots import check_theme, plot_confusion


@names_config
def confusion_matrix(
    config: str,
    predictions: str,
    out: str,
    score_thr: float = 0.3,
    iou_thr: float = 0.5,
    cfg_options: Any = None,
    nms_iou_thr: float | None = None,
    theme: str = "Blues",
) -> str:
    """Count which class was taken for which.

    Args:
        config: The config that was tested; its test set, through its pipeline, is the ground truth.
        predictions: What ``tools/test.py --out`` wrote. It is a pickle, which can run code: only
            one you made yourself.
        out: Picture to write.
        score_thr: Predictions of at least this score count.
        iou_thr: Overlap from which on two boxes may be one object.
        cfg_options: Overrides by dotted key.
        nms_iou_thr: Predictions of one class that overlap more than this with a better one are left
            out first, beside what the detector left out itself; None for no more.
        theme: Colour map of the picture, by matplotlib's name.

    Returns:
        The matrix as a table.

    Raises:
        FileNotFoundError: Config or predictions do not exist.
        ValueError: The predictions are not those of this test set, a threshold is no share, or the
            theme is unknown.
    """
    check_theme(theme)
    if nms_iou_thr is not None and not 0 < nms_iou_thr <= 1:
        raise ValueError(f"nms_iou_thr must be above 0 and at most 1, got {nms_iou_thr}")
    cfg = read_config(config, cfg_options=cfg_options)
    samples = _read(predictions)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    if len(dataset) != len(samples):
        raise ValueError(
            f"{predictions} must cover the test set of {config}, {len(dataset)} images, found "
            f"{len(samples)}; test again with it"
        )
    keys = _keys(samples, predictions)
    found = {tuple(sample[key] for key in keys): sample["pred_instances"] for sample in samples}
    names = (*dataset.metainfo["classes"], "background")
    total = torch.zeros((len(names), len(names)), dtype=torch.long)
    for number in tqdm(range(len(dataset)), desc="confusion", unit="image"):
        truth = dataset[number]["data_samples"]
        which = tuple(truth.metainfo[key] for key in keys)
        if which not in found:
            raise ValueError(
                f"{predictions} has no image {truth.img_id!r} of the test set of {config}; test "
                f"again with it"
            )
        kept = _kept(found[which], score_thr, nms_iou_thr)
        total += _one(truth, kept, len(names) - 1, iou_thr)
    title = f"{len(dataset)} images, score >= {score_thr:g}, IoU >= {iou_thr:g}"
    plot_confusion(total.numpy(), names, title, Path(out), theme)
    rows = [(name, *row) for name, row in zip(names, total.tolist(), strict=True)]
    return render_table(f"{title} (rows annotated, columns predicted)", ("", *names), rows)


def _keys(samples: list[dict], predictions: str) -> tuple[str, ...]:
    """What tells images apart.

    Their ids, and their files where the parts of a concatenation count alike.

    Raises:
        ValueError: Neither does.
    """
    for keys in (("img_id",), ("img_id", "img_path")):
        if len({tuple(sample.get(key) for key in keys) for sample in samples}) == len(samples):
            return keys
    raise ValueError(
        f"{predictions} has several images of one id and one file, so that predictions and "
        f"annotations cannot be brought "
        "together: give every image of a concatenation an id of its own"
    )


def _read(predictions: str) -> list[dict]:
    if not Path(predictions).is_file():
        raise FileNotFoundError(
            f"{predictions} does not exist; make it with tools/test.py CONFIG CHECKPOINT --out "
            f"FILE.pkl"
        )
    samples: list[dict] = load(predictions)
    return samples


def _kept(
    found: dict[str, Tensor], score_thr: float, nms_iou_thr: float | None
) -> dict[str, Tensor]:
    """The predictions that count, best first."""
    scores = found["scores"]
    best = scores.argsort(descending=True)[: int((scores >= score_thr).sum())]
    if nms_iou_thr is not None:
        best = best[
            batched_nms(
                found["bboxes"][best].float(), scores[best], found["labels"][best], nms_iou_thr
            )
        ]
    return {key: found[key][best] for key in ("bboxes", "labels")}


def _one(
    truth: DetDataSample, found: dict[str, Tensor], num_classes: int, iou_thr: float
) -> Tensor:
    labels = found["labels"]
    if len(labels) and int(labels.max()) >= num_classes:
        raise ValueError(
            f"the predictions have a class {int(labels.max())}, the config has {num_classes}: give "
            f"the config that was tested"
        )
    gt = truth.gt_instances
    ignored = xyxy_of(truth.ignored_instances) if "ignored_instances" in truth else None
    return confusion(xyxy_of(gt), gt.labels, found["bboxes"], labels, num_classes, iou_thr, ignored)


def xyxy_of(instances: InstanceData) -> Tensor:
    """(N, 4) boxes; mmdet's own packing leaves them in a type of its own."""
    return getattr(instances.bboxes, "tensor", instances.bboxes).reshape(-1, 4)
