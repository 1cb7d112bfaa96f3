"""Hooks of plain mmdet that change the training data late in a run leave it readable for a pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook

from mmisr.apis.checks.data import is_pair
from mmisr.datasets.packing import PackSRDetInputs
from mmisr.openmmlab.testing import PackDetInputs, PipelineSwitchHook, YOLOXModeSwitchHook
from mmisr.ops.wrapped import layers_of
from mmisr.registry import DATASETS, TRANSFORMS, find


def check_switches(hooks: Sequence[Hook], cfg: Config) -> None:
    """Refuse hooks that would switch the training data to what the pair cannot read.

    Args:
        hooks: The hooks of the run.
        cfg: The config of the run.

    Raises:
        ValueError: A hook ends augmentations that the data set does not have, switches a pipeline
            that a wrapper hides from it, or switches to one without LR images.
    """
    outer, *inside = layers_of(cfg.train_dataloader.dataset)
    for hook in hooks:
        name = f"custom_hooks has {type(hook).__name__}"
        if isinstance(hook, YOLOXModeSwitchHook):
            _check_end_of_mixing(hook, name, outer, inside)
        if isinstance(hook, PipelineSwitchHook):
            _check_new_pipeline(hook, name, outer, inside, is_pair(cfg))


def _check_end_of_mixing(hook: Any, name: str, outer: Any, inside: Sequence[Any]) -> None:
    if _mixes(outer):
        return
    mixing = [layer["type"] for layer in inside if _mixes(layer)]
    way_out = "leave it out"
    if mixing:
        way_out = f"let {mixing[0]}, which lies inside it, be the outermost"
    raise ValueError(
        f"{name}, which ends Mosaic and MixUp after max_epochs - {hook.num_last_epochs} epochs, "
        f"and train_dataloader.dataset ({outer['type']}) has neither: {way_out}"
    )


def _check_new_pipeline(
    hook: Any, name: str, outer: Any, inside: Sequence[Any], needs_lr: bool
) -> None:
    if inside:  # the hook sets the pipeline of the outermost data set alone
        raise ValueError(
            f"{name}, which switches at epoch {hook.switch_epoch} the pipeline of "
            f"train_dataloader.dataset itself, and that is a wrapper ({outer['type']}), whose "
            "images pass through the pipelines inside: give the hook an unwrapped data set, or "
            "leave it out"
        )
    last = find(TRANSFORMS, hook.switch_pipeline[-1]["type"])
    if needs_lr and last is not None and issubclass(last, PackDetInputs):
        raise ValueError(
            f"{name}, which switches at epoch {hook.switch_epoch} to a pipeline of plain mmdet "
            "without LR image: let its switch_pipeline end in "
            f"mmisr.{PackSRDetInputs.__name__}, or leave it out"
        )


def _mixes(dataset: Any) -> bool:
    """Whether a data set can leave transforms out, as those that mix several images do."""
    return hasattr(find(DATASETS, dataset["type"]), "update_skip_type_keys")
