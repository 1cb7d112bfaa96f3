"""Figures that hooks and schedulers watch.

The rule is known, and a wrong name is said before the first step.
"""

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.hooks import CheckpointHook, EarlyStoppingHook

from mmisr.apis.checks.monitors import check_monitors
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric

OURS = {"type": "mmisr.SizeBinnedCocoMetric"}


def config(**keys):
    return Config({"default_scope": "mmisr", "val_evaluator": OURS, **keys})


@pytest.mark.parametrize(
    "key",
    [
        "bbox/AP",
        "bbox/AP50_small",
        "bbox/AR",
        "coco/bbox_mAP",
        "coco/bbox_mAP_50",
        "region/psnr_in_box",
    ],
)
def test_more_is_better(key):
    assert CheckpointHook(save_best=key).rules == ["greater"]
    assert EarlyStoppingHook(monitor=key).rule == "greater"


@pytest.mark.parametrize(
    ("where", "keys"),
    [
        (
            "default_hooks.checkpoint.save_best",
            {"default_hooks": {"checkpoint": {"type": "CheckpointHook", "save_best": "bbox/mAP"}}},
        ),
        (
            "custom_hooks.0.monitor",
            {"custom_hooks": [{"type": "EarlyStoppingHook", "monitor": "bbox/mAP"}]},
        ),
        (
            "param_scheduler.0.monitor",
            {"param_scheduler": [{"type": "ReduceOnPlateauLR", "monitor": "bbox/mAP"}]},
        ),
    ],
)
def test_a_name_that_there_is_not(where, keys):
    with pytest.raises(
        ValueError,
        match=rf"{where} watches 'bbox/mAP', which the validation does not give.*are bbox/AP, ",
    ):
        check_monitors(config(**keys))


@pytest.mark.parametrize("key", ["auto", "bbox/AP", ["bbox/AP", "coco/bbox_mAP"]])
def test_names_that_there_are(key):
    check_monitors(
        config(
            default_hooks={
                "checkpoint": {"type": "CheckpointHook", "save_best": key},
                "timer": None,
            }
        )
    )


@pytest.mark.parametrize("key", ["coco/bbox_mAP", ["bbox/AP50", "coco/bbox_mAP"]])
def test_mmdets_names_are_ours(key):
    cfg = config(
        default_hooks={"checkpoint": {"type": "CheckpointHook", "save_best": key}},
        custom_hooks=[{"type": "EarlyStoppingHook", "monitor": "coco/bbox_mAP_50"}],
        param_scheduler=[{"type": "ReduceOnPlateauLR", "monitor": "coco/bbox_mAP"}],
    )
    check_monitors(cfg)
    assert cfg.default_hooks.checkpoint.save_best == (
        "bbox/AP" if isinstance(key, str) else ["bbox/AP50", "bbox/AP"]
    )
    assert cfg.custom_hooks[0].monitor == "bbox/AP50"
    assert (cfg.param_scheduler[0].monitor, cfg.param_scheduler[0].rule) == ("bbox/AP", "greater")


def test_mmdets_names_are_mmdets_where_its_metric_is():
    cfg = config(
        val_evaluator=[OURS, {"type": "mmdet.CocoMetric"}],
        default_hooks={"checkpoint": {"type": "CheckpointHook", "save_best": "coco/bbox_mAP"}},
    )
    check_monitors(cfg)
    assert cfg.default_hooks.checkpoint.save_best == "coco/bbox_mAP"


def test_a_figure_of_another_metric_is_left_to_it():
    other = {"type": "mmdet.CocoMetric"}
    hooks = {"checkpoint": {"type": "CheckpointHook", "save_best": "psnr/whole"}}
    check_monitors(config(val_evaluator=[OURS, other], default_hooks=hooks))
    check_monitors(config(val_evaluator=other, default_hooks=hooks))


def test_a_plateau_gets_the_rule():
    cfg = config(param_scheduler=[{"type": "ReduceOnPlateauLR", "monitor": "bbox/AP"}])
    check_monitors(cfg)
    assert cfg.param_scheduler[0].rule == "greater"
    less = config(
        param_scheduler=[{"type": "ReduceOnPlateauLR", "monitor": "bbox/AP", "rule": "less"}]
    )
    check_monitors(less)
    assert less.param_scheduler[0].rule == "less"


def sample():
    boxes = np.array([[0.0, 0, 10, 10], [20, 20, 60, 60]])
    truth = {"bboxes": boxes, "labels": np.zeros(2)}
    meta = {"img_id": 1, "source_shape": (80, 80), "lr_shape": (20, 20)}
    return {
        **meta,
        "gt_instances": truth,
        "pred_instances": {**truth, "scores": np.array([0.9, 0.8])},
    }


@pytest.mark.parametrize(("frame", "sizes"), [("lr", 0), ("source", 3)])
def test_mmdets_names_hold_the_same_figures(frame, sizes):
    metric = SizeBinnedCocoMetric(frame=frame)
    metric.dataset_meta = {"classes": ("car",)}
    metric.process(None, [sample()])
    figures = metric.evaluate(1)
    theirs = metric.mmdet_names()
    assert list(figures)[0] == "bbox/AP"  # what save_best='auto' takes
    assert set(figures) == set(metric.figure_names()) >= set(theirs.values())
    assert not set(figures) & set(theirs)  # mmdet's own metric may stand beside ours
    assert theirs["coco/bbox_mAP"] == "bbox/AP"
    assert theirs["coco/bbox_mAP_75"] == "bbox/AP75"
    assert sum(name[-1] in "sml" for name in theirs) == sizes
