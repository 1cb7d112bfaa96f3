"""Compare arms: one detector, one data set, several editors."""

from __future__ import annotations

import copy
import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from tqdm import tqdm

from mmisr.analysis.arms import Arm, ArmResult, figures, run_arm
from mmisr.registry import METRICS, MODELS
from mmisr.version import __version__


def run_arms(cfg: Config, arms: Sequence[Arm], device: str = "cpu") -> dict[str, tuple[ArmResult, dict[str, Any]]]:
    """Run every arm over ``cfg.test_dataloader``.

    The detector is built once and shared, LR pixels come from the same seeded recipe, and metric, score threshold, NMS and
    caps are the config's: arms differ by their editor alone.

    Args:
        cfg: Config of a pair.
        arms: What to compare.
        device: Where to run.

    Returns:
        Result and figures by arm, in the order given.
    """
    MMLogger.get_current_instance().setLevel("WARNING")  # one table at the end says it all
    loader = Runner.build_dataloader(copy.deepcopy(cfg.test_dataloader))
    evaluator = cfg.test_evaluator[0] if isinstance(cfg.test_evaluator, (list, tuple)) else cfg.test_evaluator
    detector, results = None, {}
    for arm in arms:
        pair = MODELS.build(_pair_config(cfg.model, arm)).to(device)
        detector = pair.detector = pair.detector if detector is None else detector
        metric = METRICS.build(evaluator)
        metric.dataset_meta = loader.dataset.metainfo
        with tqdm(total=len(loader), desc=f"{arm.name:>20}", unit="image") as bar:
            result = run_arm(pair, loader, arm.feed, bar.update)
        results[arm.name] = result, figures(result, metric)
    return results


def _pair_config(model: dict, arm: Arm) -> dict:
    config = copy.deepcopy(dict(model))
    config["editor"] = arm.editor
    config["checkpoints"] = {k: v for k, v in (config.get("checkpoints") or {}).items() if k == "detector"}
    config["test_cfg"] = {**(config.get("test_cfg") or {}), "keep_sr": True, "prior": arm.prior}
    return config


def standard_arms(editor: dict[str, Any]) -> list[Arm]:
    """The arms that every comparison of an InstanceSR editor needs: no SR, bicubic, the editor, its dense form, HR."""
    return [
        Arm("lr", {"type": "mmisr.Resample", "scale": 1}),
        Arm("bicubic", {"type": "mmisr.Resample", "scale": editor["scale"], "mode": "bicubic"}),
        Arm("instance_sr", {**editor, "router": "learned"}),
        Arm("instance_sr_all_hard", {**editor, "router": "all-hard"}),
        Arm("hr", {"type": "mmisr.Resample", "scale": 1}, feed="hr"),
    ]


def router_arms(editor: dict[str, Any], shares: tuple[float, float, float]) -> list[Arm]:
    """The same weights under other routers.

    Args:
        editor: Config of the InstanceSR editor.
        shares: Token shares of the learned router (easy, moderate, hard), which random and edge are given too.

    Returns:
        Block 1 alone, random and edge with the same histogram, the boxes of a first detector pass, and the oracle, which
        leaks: its sharpness marks where the objects are.
    """
    same = list(shares)
    return [
        Arm("block_1_only", {**editor, "router": "fixed:0"}),
        Arm("random", {**editor, "router": {"type": "random", "shares": same}}),
        Arm("edge", {**editor, "router": {"type": "edge", "shares": same}}),
        Arm("detector_prior", {**editor, "router": "detector_prior"}, prior={}),
        Arm("oracle", {**editor, "router": "oracle"}),
    ]


def meta(cfg: Config) -> dict[str, Any]:
    """What a result needs beside its numbers: config, versions, machine, date."""
    packages = ("torch", "torchvision", "numpy", "onedl-mmengine", "onedl-mmcv", "onedl-mmdetection", "mmagic")
    return {
        "mmisr": __version__,
        "config": cfg.filename,
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in packages},
        "device": torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"CPU, {torch.get_num_threads()} threads",
        "macs": "whole pair per image, everything charged; macs_by_stage splits it",
        "ms": "median per image and stage",
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except ImportError:
        return None
