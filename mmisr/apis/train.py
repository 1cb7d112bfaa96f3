"""What ``tools/train.py`` does: train a pair, an editor or a detector from its config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.runner import Runner

from mmisr.apis.checks.checkpoints import check_resumable, check_start, last_checkpoint
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.checks.data import check_classes, check_metrics, check_packing, classes_of
from mmisr.apis.checks.hooks import check_switches
from mmisr.apis.checks.monitors import check_monitors
from mmisr.apis.checks.own_resize import say_dropped_resize
from mmisr.apis.configs import read_config
from mmisr.openmmlab.processes import join_processes
from mmisr.pipeline.same_strategy import SameStrategyHook
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.strategy import PARTS
from mmisr.pipeline.weights import check_resting_weights, unwrapped


@names_config
def train(
    config: str | Path | Config,
    work_dir: str | None = None,
    amp: bool = False,
    auto_scale_lr: bool = False,
    resume: str | None = None,
    cfg_options: dict[str, Any] | None = None,
    launcher: str = "none",
) -> Any:
    """Train a pair, an editor or a detector.

    Args:
        config: A config file, or a config.
        work_dir: Where logs and checkpoints go; ``work_dirs/<config name>`` by default.
        amp: Whether to train in automatic mixed precision.
        auto_scale_lr: Whether to scale the learning rate with the batch size, by the config's
            ``base_batch_size``.
        resume: A checkpoint to continue from, or ``auto`` for the last one in ``work_dir``; where
            that one is damaged, the one before it.
        cfg_options: Overrides by dotted key.
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.

    Returns:
        The trained model.

    Raises:
        FileNotFoundError: The config or the checkpoint does not exist.
        ValueError: The config has no schedule, an option asks for what it does not have, the
            classes of data and detector differ, the checkpoint does not fit or is of another
            strategy, or a part that nothing trains has no weights.
    """
    cfg = read_config(config, work_dir, cfg_options, launcher)
    _check_schedule(cfg)
    if amp:
        _use_amp(cfg.optim_wrapper)
    _complete_schedules(cfg)
    if auto_scale_lr:
        _scale_lr(cfg)
    classes = classes_of(cfg, "train")
    for side in ("train", "val"):
        if cfg.get(f"{side}_dataloader"):
            check_packing(cfg, side)
    check_monitors(cfg)
    if resume is not None:
        cfg.resume = True
        cfg.load_from = None if resume == "auto" else _existing(resume)
    cfg.load_from, cfg.resume = cfg.get("load_from"), bool(cfg.get("resume"))
    join_processes(cfg)  # before the runner, which would ask for a CUDA device
    runner = Runner.from_cfg(cfg)
    check_classes(runner.model, classes)
    check_switches(runner.hooks, cfg)
    say_dropped_resize(cfg)
    if runner.val_loop is not None:
        check_metrics(runner.val_loop.dataloader.dataset, cfg.get("val_evaluator"), "val")
    if isinstance(unwrapped(runner.model), SRDetector):
        runner.register_hook(SameStrategyHook())
    _check_start(runner, cfg)
    return runner.train()


def _check_start(runner: Runner, cfg: Config) -> None:
    start = cfg.load_from
    if not start and cfg.resume:
        start = last_checkpoint(runner.work_dir)
    if not start:
        check_resting_weights(runner.model)
        return
    if cfg.resume:
        check_resumable(runner.model, start)
        runner._load_from = start  # mmengine alone would take the last one, however damaged
    else:
        check_start(runner.model, start)


def _check_schedule(cfg: Config) -> None:
    absent = [name for name in ("train_cfg", "optim_wrapper") if cfg.get(name) is None]
    if absent:
        raise ValueError(
            f"config {cfg.filename} has no {' and no '.join(absent)}, so nothing says how to train "
            "it: inherit one of configs/_base_/schedules, or give your own"
        )


def _scale_lr(cfg: Config) -> None:
    if "base_batch_size" not in cfg.get("auto_scale_lr", {}):
        raise ValueError(
            "--auto-scale-lr needs `auto_scale_lr = dict(base_batch_size=...)` in the config"
        )
    cfg.auto_scale_lr.enable = True


def _use_amp(optim_wrapper: ConfigDict) -> None:
    """Let every optimiser work in mixed precision: the only one, or that of each part."""
    parts = [name for name in PARTS if name in optim_wrapper]
    entries = [optim_wrapper[name] for name in parts] or [optim_wrapper]
    for entry in entries:
        kind = entry.get("type", "OptimWrapper")
        if kind not in ("OptimWrapper", "AmpOptimWrapper"):
            raise ValueError(
                f"--amp works with optim_wrapper.type OptimWrapper, the config has {kind!r}"
            )
    if get_device() in ("cpu", "mps"):
        raise ValueError(
            f"--amp needs a GPU, mmengine's mixed precision does not run on {get_device()!r}; "
            "leave it out"
        )
    for entry in entries:
        entry.type = "AmpOptimWrapper"
        entry.setdefault("loss_scale", "dynamic")


def _complete_schedules(cfg: Config) -> None:
    """Let a part without a schedule of its own keep its rate.

    mmengine asks for an entry, and takes an empty one.
    """
    schedules = cfg.get("param_scheduler")
    if isinstance(schedules, dict) and "type" not in schedules:
        for name in PARTS:
            if name in cfg.optim_wrapper:
                schedules.setdefault(name, [])


def _existing(path: str) -> str:
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"--resume {path} does not exist; give a checkpoint, or --resume alone for the last "
            "one of the work folder"
        )
    return path
