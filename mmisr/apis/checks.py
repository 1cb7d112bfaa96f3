"""What must fit together before a run: pipelines, classes, checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from mmisr.datasets.coco_checks import class_names
from mmisr.datasets.packing import PackSRDetInputs
from mmisr.evaluation.metrics.region_quality import RegionQuality
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric
from mmisr.openmmlab.checkpoints import load_state, load_training, weights_of
from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.loading import check_fit, load_into
from mmisr.openmmlab.testing import PackDetInputs, PipelineSwitchHook, YOLOXModeSwitchHook
from mmisr.ops.motion import is_moved
from mmisr.ops.wrapped import layers_of, parts_of, pipelines_of
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.weights import unwrapped
from mmisr.registry import DATASETS, METRICS, MODELS, TRANSFORMS, find
from mmisr.structures.checks import fits

FROM_SAMPLES = (SizeBinnedCocoMetric, RegionQuality)
"""Metrics of boxes that take the ground truth from the samples."""


def inner_datasets(cfg: Config, side: str = "test") -> list[Any]:
    """The data sets under a dataloader's wrappers; several where one concatenates.

    Args:
        cfg: A config.
        side: ``train``, ``val`` or ``test``.

    Raises:
        ValueError: The config has no such data set.
    """
    dataset = (cfg.get(f"{side}_dataloader") or {}).get("dataset")
    if dataset is None:
        raise ValueError(
            f"config {_name(cfg)} has no {side}_dataloader.dataset: inherit one of "
            f"configs/_base_/datasets, or give your own"
        )
    return parts_of(dataset)


def inner_dataset(cfg: Config, side: str = "test") -> Any:
    """The first of :func:`inner_datasets`, where one speaks for all.

    Concatenated parts have the same classes.

    Args:
        cfg: A config.
        side: ``train``, ``val`` or ``test``.

    Raises:
        ValueError: The config has no such data set.
    """
    return inner_datasets(cfg, side)[0]


def test_pipeline(cfg: Config) -> list[dict]:
    """The transforms of the test data set, of the first where one concatenates.

    Raises:
        ValueError: The config has no test pipeline, or one that packs for plain mmdet although the
            model is a pair.
    """
    pipelines = [dataset.get("pipeline") for dataset in inner_datasets(cfg)]
    if not all(pipelines):
        place = (
            ".dataset"
            if len(pipelines) == 1
            else f"'s data set {[bool(p) for p in pipelines].index(False)}"
        )
        raise ValueError(
            f"config {_name(cfg)} has no test pipeline: set test_dataloader.dataset.pipeline, "
            f"ending in "
            f"mmisr.PackSRDetInputs (configs/_base_/datasets has examples); none found in "
            f"test_dataloader{place}"
        )
    check_packing(cfg, "test")
    return list(pipelines[0])


test_pipeline.__test__ = False  # type: ignore[attr-defined]  # not a test, whatever pytest makes of the name


def check_packing(cfg: Config, side: str) -> None:
    """See that a pair's data has LR images.

    Args:
        cfg: A config.
        side: ``train``, ``val`` or ``test``.

    Raises:
        ValueError: The model is a pair, and the pipeline packs for plain mmdet.
    """
    for pipeline in pipelines_of(cfg[f"{side}_dataloader"].dataset) if is_pair(cfg) else ():
        name = pipeline[-1]["type"] if pipeline else None
        last = find(TRANSFORMS, name) if name else None
        if last is not None and issubclass(last, PackDetInputs):
            raise ValueError(
                f"the {side} pipeline of config {_name(cfg)} must end in "
                f"mmisr.{PackSRDetInputs.__name__}, found {name}: "
                "a plain mmdet pipeline has no LR image; put mmisr.SimulateLR or mmisr.NativeLR "
                "and "
                f"mmisr.{PackSRDetInputs.__name__} at its end"
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
    for name, module in model.named_modules():
        head = name.rpartition(".")[2]
        wanted = getattr(module, "num_classes", None)
        if (
            not classes
            or not isinstance(wanted, int)
            or not head.endswith("head")
            or head == "rpn_head"
        ):
            continue
        if wanted != len(classes):
            raise ValueError(
                f"{name} predicts {wanted} classes, {whose} has {len(classes)} "
                f"({', '.join(classes[:5])}"
                f"{', ...' if len(classes) > 5 else ''}): set num_classes={len(classes)} in the "
                f"detector's head, or "
                "metainfo=dict(classes=(...)) in the dataset"
            )


def check_checkpoint(model: nn.Module, path: str | Path) -> dict[str, Tensor]:
    """Read a checkpoint safely and load it, so that what does not fit is said before the run and not during it.

    Args:
        model: The model, or a wrapper of it (several processes, test-time augmentation).
        path: The file.

    Returns:
        The weights.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, would run code, or belongs to another model.
    """
    state = load_state(path)
    load_into(unwrapped(model), state, path)
    return state


def check_start(model: nn.Module, path: str) -> None:
    """See that a run which starts from a file does start from it, see :func:`check_fit`.

    Args:
        model: The model, or a wrapper of it.
        path: ``load_from`` of the config: a file, or an address as mmengine takes it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, would run code, or nothing in it fits; what fits in part is a
            warning.
    """
    state = weights_of(CheckpointLoader.load_checkpoint(path, "cpu"), path)
    way_out = "for one part of a pair set model.checkpoints=dict(editor=..., detector=...) instead"
    check_fit(unwrapped(model), state, f"load_from={path}", way_out)


def check_frame(dataset: Any, evaluators: Any, side: str) -> None:
    """See that predictions come back in the pixels of the files where a metric reads boxes from the annotation file.

    Ours take ground truth from the samples, which a moved image takes along.

    Args:
        dataset: Of the test or the validation; its first sample is looked at.
        evaluators: ``test_evaluator`` or ``val_evaluator`` of the config.
        side: ``test`` or ``val``, for the message.

    Raises:
        ValueError: A transform moves the images, and a metric that is not ours would compare with boxes that it did not move.
    """
    listed = evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]
    others = [e["type"] for e in listed if e and find(METRICS, e["type"]) not in FROM_SAMPLES]
    if not others or not len(dataset):
        return
    sample = dataset[0].get("data_samples")
    if isinstance(sample, DetDataSample) and "source_shape" in sample and is_moved(sample.metainfo):
        raise ValueError(
            f"the {side} pipeline moves the images (it resizes, flips, turns or crops them from "
            f"another corner), so predictions "
            f"are not in the pixels of the files, and {', '.join(map(str, others))} compares with "
            f"boxes that are: leave the "
            f"step out (handoff=dict(resize=...) resizes for the detector alone), or use "
            f"{SizeBinnedCocoMetric.__name__} alone"
        )


def check_switches(hooks: Sequence[Hook], cfg: Config) -> None:
    """Refuse hooks of plain mmdet that would change the training data late in a run to what the pair cannot read.

    Args:
        hooks: Of the run.
        cfg: Its config.

    Raises:
        ValueError: A hook ends augmentations that the data set does not have, switches a pipeline that a wrapper hides from it,
            or switches to one without LR images.
    """
    outer, *inside = layers_of(cfg.train_dataloader.dataset)
    for hook in hooks:
        name = f"custom_hooks has {type(hook).__name__}"
        if isinstance(hook, YOLOXModeSwitchHook) and not _mixes(outer):
            mixing = [layer["type"] for layer in inside if _mixes(layer)]
            raise ValueError(
                f"{name}, which ends Mosaic and MixUp after max_epochs - {hook.num_last_epochs} "
                f"epochs, and "
                f"train_dataloader.dataset ({outer['type']}) has neither: "
                + (
                    f"let {mixing[0]}, which lies inside it, be the outermost"
                    if mixing
                    else "leave it out"
                )
            )
        if isinstance(hook, PipelineSwitchHook) and inside:
            raise ValueError(
                f"{name}, which switches at epoch {hook.switch_epoch} the pipeline of "
                f"train_dataloader.dataset itself, and that "
                f"is a wrapper ({outer['type']}), whose images pass through the pipelines inside: "
                f"give the hook an unwrapped data "
                "set, or leave it out"
            )
        last = (
            find(TRANSFORMS, hook.switch_pipeline[-1]["type"])
            if isinstance(hook, PipelineSwitchHook)
            else None
        )
        if is_pair(cfg) and last is not None and issubclass(last, PackDetInputs):
            raise ValueError(
                f"{name}, which switches at epoch {hook.switch_epoch} to a pipeline of plain mmdet "
                f"without LR image: let its switch_pipeline end in "
                f"mmisr.{PackSRDetInputs.__name__}, or leave it out"
            )


def check_resumable(model: nn.Module, path: str | Path) -> None:
    """Read a training checkpoint as mmengine will, and see that it belongs to this model.

    mmengine itself unpickles what it cannot read safely, and resumes with weights that do not fit;
    both end here.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, would run code, or belongs to another model.
    """
    check_checkpoint(model, path)
    content = load_training(path, "meta")
    meta = content.get("meta") if isinstance(content, dict) else None
    wrong = [
        key
        for key in ("epoch", "iter")
        if not isinstance(meta, dict) or not fits(meta.get(key), int)
    ]
    if wrong:
        raise ValueError(
            f"checkpoint {path} is no state of a training that could go on: its meta has no whole "
            f"number in {wrong}; give the "
            "file that training wrote, or start a new training from its weights with load_from="
        )


def _mixes(dataset: Any) -> bool:
    return hasattr(find(DATASETS, dataset["type"]), "update_skip_type_keys")


def is_pair(cfg: Config) -> bool:
    """Whether the model is an editor in front of a detector."""
    found = find(MODELS, cfg.model["type"]) if "model" in cfg else None
    return isinstance(found, type) and issubclass(found, SRDetector)


def _name(cfg: Config) -> str:
    return Path(cfg.filename).name if cfg.filename else "(not from a file)"
