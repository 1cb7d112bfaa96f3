"""mmagic's PSNR and SSIM as one ordinary metric of mmengine's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmisr.openmmlab.stack import prepare

prepare()

from mmagic.evaluation.metrics import psnr, ssim

from mmisr.registry import METRICS


@METRICS.register_module()
class MagicQuality(BaseMetric):
    """PSNR and SSIM over the whole image by mmagic's own functions, on 8-bit pixels.

    mmagic's metric classes run only in its own evaluator and loop; this one runs beside any metric
    of mmengine's.

    Args:
        crop_border: Pixels left out on each side.
        convert_to: None for RGB, ``Y`` for luma, as in mmagic.
        collect_device: Device that processes exchange results on, as in mmengine.
        prefix: What stands before the names of the figures, as in mmengine.
    """

    default_prefix = "mmagic"

    def __init__(
        self,
        crop_border: int = 0,
        convert_to: str | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.options = {
            "crop_border": crop_border,
            "convert_to": convert_to,
            "channel_order": "rgb",
        }

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Measure a batch of an editor's samples."""
        for sample in data_samples:
            images = _pixels(sample["gt_img"]), _pixels(sample["output"]["pred_img"])
            self.results.append((psnr(*images, **self.options), ssim(*images, **self.options)))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Mean over the images."""
        columns = np.asarray(results, dtype=float).reshape(-1, 2).T
        return {
            name: float(c.mean()) if c.size else float("nan")
            for name, c in zip(("PSNR", "SSIM"), columns, strict=True)
        }


def _pixels(image: Tensor) -> Any:
    """(3, H, W) RGB in 0..255 to (H, W, 3) uint8 RGB."""
    return image.round().clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()
