"""What must fit together before a run: pipelines, classes, checkpoints."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from mmisr.datasets.coco_checks import class_names
from mmisr.datasets.packing import PackSRDetInputs
from mmisr.evaluation.metrics.region_quality import RegionQuality
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric
from mmisr.openmmlab.checkpoints import load_into, load_state, load_training, weights_of
from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.editor import SREditor
from mmisr.openmmlab.testing import PackDetInputs, PipelineSwitchHook, YOLOXModeSwitchHook
from mmisr.ops.motion import is_moved
from mmisr.ops.wrapped import parts_of, pipelines_of
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.registry import DATASETS, METRICS, MODELS, TRANSFORMS, find

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
            f"config {_name(cfg)} has no {side}_dataloader.dataset: inherit one of configs/_base_/datasets, or give your own"
        )
    return parts_of(dataset)


def inner_dataset(cfg: Config, side: str = "test") -> Any:
    """The first of :func:`inner_datasets`, where one speaks for all: concatenated parts have the same classes.

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
        ValueError: The config has no test pipeline, or one that packs for plain mmdet although the model is a pair.
    """
    pipelines = [dataset.get("pipeline") for dataset in inner_datasets(cfg)]
    if not all(pipelines):
        place = ".dataset" if len(pipelines) == 1 else f"'s data set {[bool(p) for p in pipelines].index(False)}"
        raise ValueError(
            f"config {_name(cfg)} has no test pipeline: set test_dataloader.dataset.pipeline, ending in "
            f"mmisr.PackSRDetInputs (configs/_base_/datasets has examples); none found in test_dataloader{place}"
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
                f"the {side} pipeline of config {_name(cfg)} must end in mmisr.{PackSRDetInputs.__name__}, found {name}: "
                "a plain mmdet pipeline has no LR image; put mmisr.SimulateLR or mmisr.NativeLR and "
                f"mmisr.{PackSRDetInputs.__name__} at its end"
            )


def check_classes(model: nn.Module, classes: Sequence[str]) -> None:
    """Compare the classes of the data with what the detector predicts.

    Args:
        model: Anything; only detector heads with ``num_classes`` are looked at.
        classes: Names; nothing is checked where there are none.

    Raises:
        ValueError: A head predicts another number of classes.
    """
    classes = class_names(classes)
    for name, module in model.named_modules():
        head = name.rpartition(".")[2]
        wanted = getattr(module, "num_classes", None)
        if not classes or not isinstance(wanted, int) or not head.endswith("head") or head == "rpn_head":
            continue
        if wanted != len(classes):
            raise ValueError(
                f"{name} predicts {wanted} classes, the data has {len(classes)} ({', '.join(classes[:5])}"
                f"{', ...' if len(classes) > 5 else ''}): set num_classes={len(classes)} in the detector's head, or "
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
    load_into(_unwrapped(model), state, path)
    return state


def check_named_weights(model: nn.Module, parts: Sequence[str] = ("editor", "detector")) -> None:
    """See that the config names the weights of every part that has some, where no checkpoint of the whole is given.

    Args:
        model: The model, or a wrapper of it.
        parts: The parts of a pair that will be used.

    Raises:
        ValueError: A part would be used as it was initialised.
    """
    inner = _unwrapped(model)
    bare = ["checkpoint"]
    if isinstance(inner, SREditor):
        bare = ["checkpoint"] if _needs_weights(inner) else []
    elif isinstance(inner, SRDetector):
        needed = {"editor": _needs_weights(inner.editor), "detector": True}
        bare = [
            f"checkpoints.{part}"
            for part, needs in needed.items()
            if needs and part in parts and part not in inner.checkpoints
        ]
    if bare:
        raise ValueError(
            f"no checkpoint was given, and the config's model names no weights ({', '.join(bare)}): give the file that "
            "training wrote, or name it in the config"
        )


def check_start(model: nn.Module, path: str) -> None:
    """See that a run which starts from a file does start from it.

    mmengine loads what fits by name, and says little of the rest.

    Args:
        model: The model, or a wrapper of it.
        path: ``load_from`` of the config: a file, or an address as mmengine takes it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, would run code, or nothing in it fits; what fits in part is a warning.
    """
    state, own = weights_of(CheckpointLoader.load_checkpoint(path, "cpu"), path), _unwrapped(model).state_dict()
    fits = [name for name, value in own.items() if name in state and state[name].shape == value.shape]
    if not fits:
        raise ValueError(
            f"load_from={path} has nothing for {type(_unwrapped(model)).__name__}: none of its {len(state)} weights "
            f"({', '.join(list(state)[:2])}, ...) has a name and shape of the model's ({', '.join(list(own)[:2])}, ...); "
            "for one part of a pair set model.checkpoints=dict(editor=..., detector=...) instead"
        )
    if len(fits) < len(own):
        rest = [name for name in own if name not in set(fits)]
        print_log(
            f"load_from={path} fits in part: {len(fits)} of {len(own)} weights are loaded, {len(rest)} start as "
            f"initialised ({', '.join(rest[:3])}{', ...' if len(rest) > 3 else ''})",
            logger="current",
            level=logging.WARNING,
        )


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
            f"the {side} pipeline moves the images (it resizes, flips, turns or crops them from another corner), so predictions "
            f"are not in the pixels of the files, and {', '.join(map(str, others))} compares with boxes that are: leave the "
            f"step out (handoff=dict(resize=...) resizes for the detector alone), or use {SizeBinnedCocoMetric.__name__} alone"
        )


def check_switches(hooks: Sequence[Hook], cfg: Config) -> None:
    """Refuse hooks of plain mmdet that would change the training data late in a run to what the pair cannot read.

    Args:
        hooks: Of the run.
        cfg: Its config.

    Raises:
        ValueError: A hook ends augmentations that the data set does not have, or switches to a pipeline without LR images.
    """
    dataset = cfg.train_dataloader.dataset["type"]
    for hook in hooks:
        if isinstance(hook, YOLOXModeSwitchHook) and not hasattr(find(DATASETS, dataset), "update_skip_type_keys"):
            raise ValueError(
                f"custom_hooks has {type(hook).__name__}, which ends Mosaic and MixUp after "
                f"max_epochs - {hook.num_last_epochs} epochs, and train_dataloader.dataset ({dataset}) has neither: leave it out"
            )
        last = find(TRANSFORMS, hook.switch_pipeline[-1]["type"]) if isinstance(hook, PipelineSwitchHook) else None
        if is_pair(cfg) and last is not None and issubclass(last, PackDetInputs):
            raise ValueError(
                f"custom_hooks has {type(hook).__name__}, which switches at epoch {hook.switch_epoch} to a pipeline of plain "
                f"mmdet without LR image: let its switch_pipeline end in mmisr.{PackSRDetInputs.__name__}, or leave it out"
            )


def check_resumable(model: nn.Module, path: str | Path) -> None:
    """Read a training checkpoint as mmengine will, and see that it belongs to this model.

    mmengine itself unpickles what it cannot read safely, and resumes with weights that do not fit; both end here.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, would run code, or belongs to another model.
    """
    check_checkpoint(model, path)
    load_training(path, "meta")


def _unwrapped(model: nn.Module) -> nn.Module:
    """The model under wrappers for several processes and test-time augmentation."""
    while is_model_wrapper(model) or isinstance(getattr(model, "module", None), nn.Module):
        model = model.module  # type: ignore[assignment]
    return model


def _needs_weights(editor: SREditor) -> bool:
    return editor.info.trainable and getattr(editor, "checkpoint", None) is None


def is_pair(cfg: Config) -> bool:
    """Whether the model is an editor in front of a detector."""
    found = find(MODELS, cfg.model["type"]) if "model" in cfg else None
    return isinstance(found, type) and issubclass(found, SRDetector)


def _name(cfg: Config) -> str:
    return Path(cfg.filename).name if cfg.filename else "(not from a file)"
