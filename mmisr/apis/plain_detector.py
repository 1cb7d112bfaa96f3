"""A plain detector's config as the pair of an editor that does nothing, for comparisons."""

from __future__ import annotations

import copy
from typing import Any

from mmengine.config import Config

from mmisr.analysis.comparison.named_arms import IDENTITY
from mmisr.apis.checks.config_types import config_name
from mmisr.apis.checks.data import inner_datasets
from mmisr.apis.checks.own_resize import wanted_resize
from mmisr.openmmlab.testing import LOAD_BOXES

METRIC = {"type": "mmisr.SizeBinnedCocoMetric"}

READ = ("ann_file", "data_root", "data_prefix", "metainfo", "backend_args", "indices")
"""What is taken over of a data set; its pipeline is that of a pair."""


def pair_of(cfg: Config, simulate: int | None = None) -> Config:
    """The pair of a plain detector: an identity in front of it, and its own test data.

    Args:
        cfg: Config of a plain mmdet detector.
        simulate: LR images are made of the data at this factor, the data being HR; None where the
            images are what the sensor saw.

    Returns:
        A config of model, test data and metric; the detector's own ``Resize`` is in the handoff.
        Masks are loaded and counted where the detector's own metric counts them.

    Raises:
        ValueError: The model is no detector, the test data is not in COCO format, or there are
            several data sets.
    """
    model = cfg.get("model") or {}
    if "type" not in model:
        raise ValueError(
            f"config {config_name(cfg)} has no `model`; give that of an mmdet detector"
        )
    has_masks = _counts_masks(cfg)
    dataset = _dataset(cfg, simulate, has_masks)
    editor = dict(IDENTITY)
    if simulate is not None:
        editor = {"type": "mmisr.Resample", "mode": "bicubic", "scale": simulate}
    resize = wanted_resize(inner_datasets(cfg)[0].get("pipeline"))
    content = {
        "default_scope": "mmisr",
        "custom_imports": {"imports": ["mmisr.registry"]},
        "model": {
            "type": "mmisr.SRDetector",
            "editor": editor,
            "detector": copy.deepcopy(model),
            "handoff": {"resize": resize} if resize else {},
        },
        "test_dataloader": {
            "batch_size": 1,
            "num_workers": 0,
            "sampler": {"type": "DefaultSampler", "shuffle": False},
            "dataset": dataset,
        },
        "test_evaluator": [METRIC, {**METRIC, "iou_type": "segm"}] if has_masks else METRIC,
    }
    pair = Config(content)
    pair._filename = cfg.filename  # results are named after it
    return pair


def _counts_masks(cfg: Config) -> bool:
    """Whether the detector's own metric counts AP of masks."""
    evaluators = cfg.get("test_evaluator") or []
    if not isinstance(evaluators, (list, tuple)):
        evaluators = [evaluators]
    return any("segm" in (evaluator.get("metric") or ()) for evaluator in evaluators)


def _dataset(cfg: Config, simulate: int | None, has_masks: bool) -> dict[str, Any]:
    datasets = inner_datasets(cfg)
    if len(datasets) > 1:
        raise ValueError(
            f"config {config_name(cfg)} tests on {len(datasets)} data sets together; give one "
            "(--cfg-options test_dataloader.dataset=...)"
        )
    (dataset,) = datasets
    ann_file = str(dataset.get("ann_file", ""))
    if not ann_file.endswith(".json"):
        raise ValueError(
            f"test data of {config_name(cfg)} must be in COCO format, a .json file of "
            f"annotations, got ann_file={ann_file!r} of {dataset.get('type')}; convert it first"
        )
    known = {key: dataset[key] for key in READ if dataset.get(key) is not None}
    load = [{"type": "mmisr.LoadImage"}, {**LOAD_BOXES, "with_mask": has_masks}]
    return {
        "type": "mmisr.SRCocoDataset",
        "test_mode": True,
        "pipeline": [*load, *_degrade(simulate), {"type": "mmisr.PackSRDetInputs"}],
        **known,
    }


def _degrade(simulate: int | None) -> list[dict[str, Any]]:
    if simulate is None:
        return [{"type": "mmisr.NativeLR"}]
    return [
        {"type": "mmisr.CropToMultiple", "multiple": simulate},
        {"type": "mmisr.SimulateLR", "scale": simulate, "seed": 0},
    ]
