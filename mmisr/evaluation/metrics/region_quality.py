"""Metric ``RegionQuality``: PSNR and SSIM in and outside the boxes, and how tokens were spent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from torch import Tensor

from mmisr.evaluation.functional.region_quality import REGIONS, region_quality
from mmisr.evaluation.functional.routing_shares import routing_shares
from mmisr.evaluation.functional.tables import render_table
from mmisr.openmmlab.samples import boxes_in_hr
from mmisr.registry import METRICS
from mmisr.structures.pixels import to_unit

NO_REGIONS = {f"{kind}_{region}": math.nan for kind in ("psnr", "ssim") for region in REGIONS}


@METRICS.register_module()
class RegionQuality(BaseMetric):
    """PSNR and SSIM over the whole image, inside the ground-truth boxes and outside of them.

    Reads samples of the pair (``sr``, ``hr``, ``gt_instances``; the model needs
    ``test_cfg=dict(keep_sr=True)``) and of an editor alone (``output.pred_img`` and ``gt_img`` in
    [0, 255], ``boxes_source``).

    Figures: ``psnr_<region>``, ``ssim_<region>`` and ``images_<region>`` for whole, in_box and
    out_box; ``exact``; ``tokens_<exit>`` where samples carry a routing map.

    Convention: a figure is computed for each image and averaged over the ``images_<region>`` images
    that have the region: one without boxes has no in_box figure, one all in boxes no out_box
    figure. Pixels are RGB and not rounded to 8 bits. A region that equals its reference has
    infinite PSNR and is left out of the mean; where all do, the mean is infinite. ``exact`` counts
    the images that equal their reference as a whole. Native LR has no HR image: its figures are
    NaN.

    Args:
        crop_border: Pixels left out on each side.
        collect_device: Where mmengine gathers the figures of all processes: ``cpu`` or ``gpu``.
        prefix: What stands before the names of the figures; ``region`` by default.

    Raises:
        ValueError: ``crop_border`` is negative.
        KeyError: A sample has no SR image.
    """

    default_prefix = "region"

    def __init__(
        self, crop_border: int = 0, collect_device: str = "cpu", prefix: str | None = None
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if crop_border < 0:
            raise ValueError(f"crop_border must be >= 0, got {crop_border}")
        self.crop_border = crop_border

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the figures of a batch.

        Args:
            data_batch: Unused; the signature is mmengine's.
            data_samples: Samples as dicts.
        """
        for sample in data_samples:
            images = _images(sample)
            figures = (
                dict(NO_REGIONS) if images is None else region_quality(*images, self.crop_border)
            )
            if sample.get("routing") is not None:
                figures |= routing_shares(sample["routing"])
            self.results.append(figures)

    def compute_metrics(self, results: list[dict[str, float]]) -> dict[str, float]:
        """Means over the images; the class says which."""
        columns: dict[str, list[float]] = {name: [] for name in NO_REGIONS}
        for figures in results:
            for name, value in figures.items():
                columns.setdefault(name, []).append(value)
        means = {name: _mean(values) for name, values in columns.items()}
        counts = {
            region: sum(not math.isnan(v) for v in columns[f"psnr_{region}"]) for region in REGIONS
        }
        self._log(means, counts, len(results))
        exact = sum(math.isinf(v) for v in columns["psnr_whole"])
        return {
            **means,
            **{f"images_{region}": float(n) for region, n in counts.items()},
            "exact": float(exact),
        }

    def _log(self, means: dict[str, float], counts: dict[str, int], num_images: int) -> None:
        rows = [
            (region, counts[region], means[f"psnr_{region}"], means[f"ssim_{region}"])
            for region in REGIONS
        ]
        text = render_table("Quality by region", ("region", "images", "PSNR", "SSIM"), rows)
        if num_images and not counts["whole"]:
            text += "\nno sample has an HR image (native LR): PSNR and SSIM do not exist"
        MMLogger.get_current_instance().info("\n" + text)


def _mean(values: list[float]) -> float:
    """Mean of the finite values.

    Infinite where there are only infinite ones, NaN where there are none.
    """
    finite = [v for v in values if math.isfinite(v)]
    if finite:
        return math.fsum(finite) / len(finite)
    return math.inf if math.inf in values else math.nan


def _images(sample: dict) -> tuple[Tensor, Tensor, Tensor] | None:
    """SR and HR image in [0, 1] and the boxes, of a sample of the pair or of an editor.

    None where there is no HR.
    """
    return _editor_images(sample) if "output" in sample else _pair_images(sample)


def _editor_images(sample: dict) -> tuple[Tensor, Tensor, Tensor] | None:
    if "pred_img" not in sample["output"]:
        raise KeyError(
            f"mmisr.RegionQuality needs output.pred_img, and the sample of "
            f"{sample.get('img_path')} has only "
            f"{sorted(sample['output'])}; test an editor with mode='predict'"
        )
    if sample.get("gt_img") is None:
        return None
    if sample.get("boxes_source") is None:
        raise KeyError(
            f"mmisr.RegionQuality needs boxes_source, and the sample of {sample.get('img_path')} "
            f"has none; pack it "
            "with mmisr.PackSRInputs, after LoadAnnotations"
        )
    sr, hr = (
        to_unit(image.detach().cpu().double())
        for image in (sample["output"]["pred_img"], sample["gt_img"])
    )
    return sr, hr, _boxes(sample)


def _pair_images(sample: dict) -> tuple[Tensor, Tensor, Tensor] | None:
    if sample.get("hr") is None:
        return None
    if sample.get("sr") is None:
        raise KeyError(
            f"mmisr.RegionQuality needs the SR image, and the sample of {sample.get('img_path')} "
            f"has no `sr`: the pair "
            "keeps it only when told to; set test_cfg=dict(keep_sr=True) in the model"
        )
    # Single precision, as the pair's preprocessor divides: an image handed through must come out
    # equal.
    return sample["sr"], to_unit(sample["hr"]), _boxes(sample)


def _boxes(sample: dict) -> Tensor:
    boxes = boxes_in_hr(sample)
    return torch.zeros((0, 4)) if boxes is None else boxes
