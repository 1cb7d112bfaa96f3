"""Unpaired LR: every strategy learns from it, or says in its first step what it needs and why."""

import pytest
import steps
import torch

from mmisr.pipeline.strategy import train_phases
from mmisr.registry import STRATEGIES

NEEDS_NONE = {"Frozen": {}, "Joint": {"pixel_weight": 0.0}, "TaskGain": None}
"""Strategies that need no HR, and the arguments with which they do; None for those of steps.py."""


def without_hr(count: int = 2) -> dict:
    """A batch of native LR: the samples' frame is their image."""
    batch = steps.batch(0, count)
    for image, sample in zip(batch["inputs"], batch["data_samples"], strict=True):
        del sample.hr
        height, width = image.shape[1:]
        shape = (int(height), int(width))
        factor = shape[0] / sample.source_shape[0]
        sample.gt_instances.bboxes = sample.gt_instances.bboxes * factor
        sample.set_metainfo({"source_shape": shape, "ori_shape": shape, "img_shape": shape})
    return batch


def step(model, batch):
    return train_phases(model, batch, steps.optimizers(model), model)


@pytest.mark.parametrize("name", steps.strategies())
def test_native_lr_teaches_or_is_refused_with_advice(name, monkeypatch):
    if name not in NEEDS_NONE:
        with pytest.raises(ValueError, match=rf"{name}.*needs the HR image") as refused:
            step(steps.pair(name), without_hr())
        for way_out in ("SimulateLR", "PairedLR", "Frozen"):
            assert way_out in str(refused.value)
        return
    arguments = NEEDS_NONE[name]
    if arguments is not None:
        monkeypatch.setitem(steps.STRATEGY_ARGUMENTS, name, arguments)
    logs = step(steps.pair(name), without_hr())
    assert torch.isfinite(logs["loss"])


def test_the_list_of_those_that_need_none_names_registered_strategies():
    assert set(NEEDS_NONE) <= set(STRATEGIES.module_dict)
