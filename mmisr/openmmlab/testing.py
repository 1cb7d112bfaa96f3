"""The testing side of the door: test-time augmentation, dumps and pictures by mmdet's own means."""

from __future__ import annotations

from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner

from mmisr.openmmlab.stack import prepare

prepare()

from mmcv.transforms import Resize as ImageResize
from mmdet.datasets.transforms import PackDetInputs
from mmdet.engine.hooks import DetVisualizationHook, PipelineSwitchHook, YOLOXModeSwitchHook
from mmdet.evaluation.metrics import DumpDetResults

from mmisr.ops.wrapped import parts_of

__all__ = [
    "DETECTORS",
    "DetVisualizationHook",
    "ImageResize",
    "PackDetInputs",
    "PipelineSwitchHook",
    "YOLOXModeSwitchHook",
    "add_dump",
    "draw_boxes",
    "set_tta",
]

DETECTORS = "mmdet"
"""Scope in which a plain detector's config names its transforms."""

TTA_MODEL = {
    "type": "mmdet.DetTTAModel",
    "tta_cfg": {"nms": {"type": "nms", "iou_threshold": 0.6}, "max_per_img": 500},
}
FLIPS = [{"type": "mmdet.RandomFlip", "prob": 0.0}, {"type": "mmdet.RandomFlip", "prob": 1.0}]
"""The unflipped view comes first: the merged sample carries its ground truth."""


def add_dump(runner: Runner, path: str) -> None:
    """Also write the predictions of a test to a pickle file.

    Raises:
        ValueError: The file has another ending.
    """
    if not path.endswith((".pkl", ".pickle")):
        raise ValueError(f"--out must end in .pkl or .pickle, got {path!r}")
    runner.test_evaluator.metrics.append(DumpDetResults(out_file_path=path))


def draw_boxes(runner: Runner, show: bool, show_dir: str | None, wait_time: float) -> None:
    """Draw annotated and predicted boxes on the source image of every test sample.

    Args:
        runner: Its visualization hook is used where the config has one.
        show: Open a window.
        show_dir: Folder under ``<work_dir>/<timestamp>``; None for none.
        wait_time: Seconds that a window stays.
    """
    hook = next((h for h in runner.hooks if isinstance(h, DetVisualizationHook)), None)
    if hook is None:
        hook = DetVisualizationHook()
        runner.register_hook(hook, "LOW")
    hook.draw, hook.show, hook.wait_time, hook.test_out_dir = True, show, wait_time, show_dir
    # pictures go to the window or the folder, not to the log too
    runner.visualizer._vis_backends = {}


def set_tta(cfg: Config, first_lr: int) -> None:
    """Turn a test config into one with test-time augmentation.

    The config's own ``tta_model`` and ``tta_pipeline`` win.

    Args:
        cfg: Changed in place.
        first_lr: Index of the transform that makes the LR image; views are flipped before it, so
            that the LR image is made from flipped pixels.
    """
    for dataset in parts_of(cfg.test_dataloader.dataset):
        pipeline = list(dataset.pipeline)
        flips = {
            "type": "mmcv.TestTimeAug",
            "transforms": [FLIPS, *([step] for step in pipeline[first_lr:])],
        }
        dataset.pipeline = cfg.get("tta_pipeline") or [*pipeline[:first_lr], flips]
    cfg.model = ConfigDict(**(cfg.get("tta_model") or TTA_MODEL), module=cfg.model)
