"""Strategy ``Joint``: SR and detector are trained together on pixel and detection losses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.openmmlab.detector import DetDataSample
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.strategy import Losses, Phase, Strategy
from mmisr.registry import STRATEGIES


@STRATEGIES.register_module()
class Joint(Strategy):
    """SR and detector trained together (S + T).

    Source: the joint baseline of SR4IR (CVPR 2024), L = 1.0 L1(SR, HR) + 1.0 L_det.

    Args:
        pixel_weight: Weight of the L1 distance between SR and HR, both RGB in [0, 1]; 0 needs no HR image.
        detection_weight: Weight of the detector's losses.

    Raises:
        ValueError: A weight is negative; when training, the pixel loss is on and a sample has no HR image.
    """

    def __init__(self, pixel_weight: float = 1.0, detection_weight: float = 1.0) -> None:
        super().__init__()
        for name, weight in (("pixel_weight", pixel_weight), ("detection_weight", detection_weight)):
            if weight < 0:
                raise ValueError(f"strategy Joint: {name} must be >= 0, got {weight}")
        self.pixel_weight = pixel_weight
        self.detection_weight = detection_weight

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase: both parts learn."""
        return (Phase("joint", ("editor", "detector"), self.losses),)

    def losses(self, model: SRDetector, lr: Sequence[Tensor], samples: Sequence[DetDataSample]) -> Losses:
        """Pixel loss, and the detector's own losses, on the same SR images.

        Args:
            model: The pair.
            lr: (3, h_i, w_i) LR images, RGB in [0, 1].
            samples: Their samples: ground truth in the source frame, and the HR image.
        """
        images = [result.image[0] for result in model.upscale(lr, samples)]
        losses: Losses = {
            name: _scaled(value, self.detection_weight) if "loss" in name else value
            for name, value in model.detection_losses(images, samples).items()
        }
        if self.pixel_weight:
            pairs = zip(images, samples, strict=True)
            losses["loss_joint_pixel"] = self.pixel_weight * torch.stack([_l1(i, s) for i, s in pairs]).mean()
        return losses


def _scaled(value: Tensor | list[Tensor], weight: float) -> Tensor | list[Tensor]:
    return [v * weight for v in value] if isinstance(value, list) else value * weight


def _l1(sr: Tensor, sample: DetDataSample) -> Tensor:
    if "hr" not in sample:
        raise ValueError(
            f"strategy Joint needs the HR image for its pixel loss, and {sample.metainfo.get('img_path')} has none; "
            "simulate LR from HR (mmisr.SimulateLR), or set pixel_weight=0"
        )
    return F.l1_loss(sr, sample.hr.to(sr.dtype) / 255)
