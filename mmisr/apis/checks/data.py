"""Data sets and pipelines of a config: they are there, and they fit the model."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.config import Config
from torch import nn

from mmisr.apis.checks.config_types import config_name
from mmisr.datasets.coco_checks import class_names
from mmisr.datasets.packing import PackSRDetInputs
from mmisr.evaluation.metrics.region_quality import RegionQuality
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric
from mmisr.evaluation.size_bins import protocol_named
from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.testing import PackDetInputs
from mmisr.ops.motion import is_moved
from mmisr.ops.wrapped import parts_of, pipelines_of
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.registry import METRICS, MODELS, TRANSFORMS, find
from mmisr.structures.marks import Mark

FROM_SAMPLES = (SizeBinnedCocoMetric, RegionQuality)
"""Metrics of boxes that take the ground truth from the samples."""

NAMED_CLASSES = 5
"""So many classes of the data stand in a message."""


def is_pair(cfg: Config) -> bool:
    """Whether the model is an editor in front of a detector."""
    kind = find(MODELS, cfg.model["type"]) if "model" in cfg else None
    return isinstance(kind, type) and issubclass(kind, SRDetector)


def inner_datasets(cfg: Config, side: str = "test") -> list[Any]:
    """The data sets under a dataloader's wrappers; several where one concatenates.

    Args:
        cfg: The config of a run.
        side: Whose data: ``train``, ``val`` or ``test``.

    Raises:
        ValueError: The config has no such data set.
    """
    loader = cfg.get(f"{side}_dataloader") or {}
    dataset = loader.get("dataset")
    if dataset is None:
        raise ValueError(
            f"config {config_name(cfg)} has no {side}_dataloader.dataset: inherit one of "
            "configs/_base_/datasets, or give your own"
        )
    return parts_of(dataset)


def inner_dataset(cfg: Config, side: str = "test") -> Any:
    """The first of :func:`inner_datasets`, where one speaks for all.

    Concatenated parts have the same classes.

    Args:
        cfg: The config of a run.
        side: Whose data: ``train``, ``val`` or ``test``.

    Raises:
        ValueError: The config has no such data set.
    """
    return inner_datasets(cfg, side)[0]


def classes_of(cfg: Config, side: str = "test") -> Sequence[str]:
    """The classes that a config's data names; empty where it names none.

    Args:
        cfg: The config of a run.
        side: Whose data: ``train``, ``val`` or ``test``.

    Raises:
        ValueError: The config has no such data set.
    """
    metainfo = inner_dataset(cfg, side).get("metainfo", {})
    classes: Sequence[str] = metainfo.get("classes", ())
    return classes


def test_pipeline(cfg: Config) -> list[dict]:
    """The transforms of the test data set, of the first where one concatenates.

    Raises:
        ValueError: The config has no test pipeline, or one that packs for plain mmdet although the
            model is a pair.
    """
    pipelines = [dataset.get("pipeline") for dataset in inner_datasets(cfg)]
    empty = [number for number, pipeline in enumerate(pipelines) if not pipeline]
    if empty:
        where = ".dataset" if len(pipelines) == 1 else f"'s data set {empty[0]}"
        raise ValueError(
            f"config {config_name(cfg)} has no test pipeline: set "
            "test_dataloader.dataset.pipeline, ending in mmisr.PackSRDetInputs "
            f"(configs/_base_/datasets has examples); none found in test_dataloader{where}"
        )
    check_packing(cfg, "test")
    return list(pipelines[0])


# It is not a test, whatever pytest makes of the name.
test_pipeline.__test__ = False  # type: ignore[attr-defined]


def whole_images(cfg: Config, side: str) -> dict[str, Any]:
    """Config of one side of the data, read as the test data is: nothing is cut or flipped.

    Args:
        cfg: The config of a run.
        side: Whose data: ``train``, ``val`` or ``test``.

    Raises:
        ValueError: The config has no such data set, or no test pipeline.
    """
    pipeline = test_pipeline(cfg)
    datasets = []
    for dataset in inner_datasets(cfg, side):
        whole = copy.deepcopy(dataset)
        whole.update(pipeline=pipeline, test_mode=True)
        datasets.append(whole)
    if len(datasets) == 1:
        return datasets[0]
    return {"type": "ConcatDataset", "datasets": datasets}


def check_packing(cfg: Config, side: str) -> None:
    """See that a pair's data has LR images.

    Args:
        cfg: The config of a run.
        side: Whose data: ``train``, ``val`` or ``test``.

    Raises:
        ValueError: The model is a pair, and the pipeline packs for plain mmdet.
    """
    if not is_pair(cfg):
        return
    ours = PackSRDetInputs.__name__
    for pipeline in pipelines_of(cfg[f"{side}_dataloader"].dataset):
        name = pipeline[-1]["type"] if pipeline else None
        last = find(TRANSFORMS, name) if name else None
        if last is not None and issubclass(last, PackDetInputs):
            raise ValueError(
                f"the {side} pipeline of config {config_name(cfg)} must end in mmisr.{ours}, found "
                f"{name}: a plain mmdet pipeline has no LR image; put mmisr.SimulateLR or "
                f"mmisr.NativeLR and mmisr.{ours} at its end"
            )


def check_classes(model: nn.Module, classes: Sequence[str], whose: str = "the data") -> None:
    """Compare the classes of the data with what the detector predicts.

    Args:
        model: Anything; only detector heads with ``num_classes`` are looked at.
        classes: Names; nothing is checked where there are none.
        whose: Who names them, for the message.

    Raises:
        ValueError: A head predicts another number of classes.
    """
    classes = class_names(classes)
    if not classes:
        return
    for name, num_classes in _heads(model):
        if num_classes == len(classes):
            continue
        listed = ", ".join(classes[:NAMED_CLASSES])
        more = ", ..." if len(classes) > NAMED_CLASSES else ""
        raise ValueError(
            f"{name} predicts {num_classes} classes, {whose} has {len(classes)} ({listed}{more}): "
            f"set num_classes={len(classes)} in the detector's head, or "
            "metainfo=dict(classes=(...)) in the dataset"
        )


def _heads(model: nn.Module) -> Iterator[tuple[str, int]]:
    """Names of the heads that classify, and how many classes each predicts."""
    for name, module in model.named_modules():
        last = name.rpartition(".")[2]
        num_classes = getattr(module, "num_classes", None)
        # A region proposal network tells objects from background, whatever the classes.
        if isinstance(num_classes, int) and last.endswith("head") and last != "rpn_head":
            yield name, num_classes


def check_metrics(dataset: Any, evaluators: Any, side: str) -> None:
    """See that metrics can be counted on a data set, before anything is predicted.

    Args:
        dataset: The data set of the test or the validation.
        evaluators: ``test_evaluator`` or ``val_evaluator`` of the config.
        side: Whose data it is, ``test`` or ``val``, for the message.

    Raises:
        ValueError: A transform moves the images, and a metric that is not ours would compare with
            boxes that it did not move; or a protocol counts subsets, and no annotation is in one.
    """
    _check_frame(dataset, evaluators, side)
    _check_subsets(dataset, evaluators, side)


def _check_frame(dataset: Any, evaluators: Any, side: str) -> None:
    """See that predictions come back in the pixels of the files where a metric needs them there.

    A metric that reads boxes from the annotation file does. Ours take ground truth from the
    samples, which a moved image takes along. The first sample is looked at.
    """
    types = [entry["type"] for entry in _listed(evaluators)]
    others = [str(kind) for kind in types if find(METRICS, kind) not in FROM_SAMPLES]
    if not others or not len(dataset):
        return
    sample = dataset[0].get("data_samples")
    if not isinstance(sample, DetDataSample) or "source_shape" not in sample:
        return
    if is_moved(sample.metainfo):
        raise ValueError(
            f"the {side} pipeline moves the images (it resizes, flips, turns or crops them from "
            "another corner), so predictions are not in the pixels of the files, and "
            f"{', '.join(others)} compares with boxes that are: leave the step out "
            "(handoff=dict(resize=...) resizes for the detector alone), or use "
            f"{SizeBinnedCocoMetric.__name__} alone"
        )


def _check_subsets(dataset: Any, evaluators: Any, side: str) -> None:
    """See that annotations say in which subset they are, where a metric's protocol counts these."""
    for entry in _listed(evaluators):
        if find(METRICS, entry["type"]) is not SizeBinnedCocoMetric:
            continue
        rule = protocol_named(entry.get("protocol", "coco")).ignoring
        if not rule.subsets or _has_mark(dataset, rule.of_any_subset):
            continue
        raise ValueError(
            f"{side}_evaluator counts the subsets {list(rule.subsets)}, and no annotation of the "
            f"{side} data is in one: entries of the annotation file need subsets=[...] with these "
            "names (tools/data/to_coco.py wider writes them where eval_tools of the benchmark lies "
            "beside the images); or set protocol='voc'"
        )


def _has_mark(dataset: Any, mark: Mark) -> bool:
    """Whether an annotation of a data set has one of these marks."""
    for index in range(len(dataset)):
        for instance in dataset.get_data_info(index).get("instances", ()):
            if instance.get("marks", 0) & mark:
                return True
    return False


def _listed(evaluators: Any) -> list[Any]:
    listed = evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]
    return [entry for entry in listed if entry]
