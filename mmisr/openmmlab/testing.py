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
    "LOAD_BOXES",
    "DetVisualizationHook",
    "ImageResize",
    "PackDetInputs",
    "PipelineSwitchHook",
    "YOLOXModeSwitchHook",
    "add_dump",
    "draw_boxes",
    "set_tta",
]

LOAD_BOXES = {"type": "mmdet.LoadAnnotations", "with_bbox": True}
"""The transform that reads annotated boxes."""

DETECTORS = "mmdet"
"""Scope in which a plain detector's config names its transforms."""

TTA_MODEL = {
    "type": "mmisr.MaskTTA",
    "tta_cfg": {"nms": {"type": "nms", "iou_threshold": 0.6}, "max_per_img": 500},
}
FLIPS = [{"type": "mmdet.RandomFlip", "prob": 0.0}, {"type": "mmdet.RandomFlip", "prob": 1.0}]
"""The unflipped view comes first: the merged sample carries its ground truth."""


def add_dump(runner: Runner, path: str) -> None:
    """Also write the predictions of a test to a pickle file.

    Args:
        runner: The test run.
        path: The file, which ends in ``.pkl`` or ``.pickle``.

    Raises:
        ValueError: The file has another ending, or masks are run lengths already.
    """
    if not path.endswith((".pkl", ".pickle")):
        raise ValueError(f"--out must end in .pkl or .pickle, got {path!r}")
    test_cfg = getattr(runner.model, "test_cfg", None)
    if getattr(test_cfg, "masks", None) == "runs":
        raise ValueError(
            "--out writes masks that it encodes itself, and model.test_cfg.masks='runs' gives run "
            "lengths already: set model.test_cfg.masks='pixels', or leave --out out"
        )
    runner.test_evaluator.metrics.append(DumpDetResults(out_file_path=path))


def draw_boxes(runner: Runner, show: bool, show_dir: str | None, wait_time: float) -> None:
    """Draw annotated and predicted boxes on the source image of every test sample.

    Args:
        runner: The test run, whose visualization hook is used where the config has one.
        show: Whether to open a window.
        show_dir: Folder under ``<work_dir>/<timestamp>`` that gets the pictures; None for none.
        wait_time: Seconds that a window stays.
    """
    hooks = [hook for hook in runner.hooks if isinstance(hook, DetVisualizationHook)]
    if not hooks:
        hooks = [DetVisualizationHook()]
        runner.register_hook(hooks[0], "LOW")
    hook = hooks[0]
    hook.draw = True
    hook.show = show
    hook.wait_time = wait_time
    hook.test_out_dir = show_dir
    # Pictures go to the window or the folder, not to the log too.
    runner.visualizer._vis_backends = {}


def set_tta(cfg: Config, first_lr: int) -> None:
    """Turn a test config into one with test-time augmentation.

    The config's own ``tta_model`` and ``tta_pipeline`` win.

    Args:
        cfg: The config, changed in place.
        first_lr: Index of the transform that makes the LR image; views are flipped before it, so
            that the LR image is made from flipped pixels.
    """
    for dataset in parts_of(cfg.test_dataloader.dataset):
        steps = list(dataset.pipeline)
        before_lr = steps[:first_lr]
        views = [FLIPS]
        for step in steps[first_lr:]:
            views.append([step])
        augmented = {"type": "mmcv.TestTimeAug", "transforms": views}
        pipeline = [*before_lr, augmented]
        dataset.pipeline = cfg.get("tta_pipeline") or pipeline
    tta_model = cfg.get("tta_model") or TTA_MODEL
    cfg.model = ConfigDict(**tta_model, module=cfg.model)
