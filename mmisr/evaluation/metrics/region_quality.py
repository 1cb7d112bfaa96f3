"""Metric ``RegionQuality``: PSNR and SSIM inside and outside the boxes, and how tokens were spent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmisr.evaluation.functional.region_quality import region_quality
from mmisr.registry import METRICS

EXITS = ("easy", "moderate", "hard")


@METRICS.register_module()
class RegionQuality(BaseMetric):
    """PSNR and SSIM over the whole image, in boxes and out of boxes; the mean over the images where a region exists.

    Reads samples of the pair (``sr``, ``hr``, ``gt_instances``; needs ``test_cfg=dict(keep_sr=True)``) and of an editor
    alone (``output.pred_img``, ``gt_img``, ``boxes_source``). Where samples carry a routing map, the mean share of tokens
    by exit is reported too. An image that equals its reference (infinite PSNR) is left out of the PSNR mean.

    Args:
        crop_border: Pixels left out on each side.
        collect_device: As in mmengine.
        prefix: As in mmengine.
    """

    default_prefix = "region"

    def __init__(self, crop_border: int = 0, collect_device: str = "cpu", prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.crop_border = crop_border

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the figures of a batch.

        Raises:
            KeyError: A sample has no SR or no HR image.
        """
        for sample in data_samples:
            figures = region_quality(*_images(sample), self.crop_border)
            routing = sample.get("routing")
            if routing is not None:
                figures |= {f"tokens_{e}": float(v) for e, v in zip(EXITS, routing.shares()[0], strict=False)}
            self.results.append(figures)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Mean of every figure over the images that have it."""
        names = {name: None for figures in results for name in figures}
        return {name: _mean([f[name] for f in results if name in f]) for name in names}


def _mean(values: list[float]) -> float:
    finite = np.asarray(values)[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


def _images(sample: dict) -> tuple[Tensor, Tensor, Tensor]:
    if "output" in sample:
        output = sample["output"]["pred_img"]
        return output / 255, sample["gt_img"] / 255, torch.as_tensor(sample["boxes_source"])
    if "sr" not in sample:
        raise KeyError(
            "mmisr.RegionQuality needs the SR image, and the pair does not keep it; set test_cfg=dict(keep_sr=True) in the model"
        )
    if "hr" not in sample:
        raise KeyError(
            f"mmisr.RegionQuality needs the HR image, and {sample.get('img_path')} is native LR; drop this metric, or simulate LR"
        )
    return sample["sr"], sample["hr"].float() / 255, sample["gt_instances"]["bboxes"]
